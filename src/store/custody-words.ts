import type { BlobKind } from './blobs.ts';
import { blobCustody, tableCustody } from './custody.ts';
import type { Tables } from './schema.ts';

/** A table or a kind of blob. */
export type Kind = keyof Tables | BlobKind;
/** The languages that what is kept is told in. English is in the custody tables themselves. */
export const languages = ['en', 'pt-BR', 'it'] as const;
/** One of {@link languages}. */
export type Language = (typeof languages)[number];

/** What something is, what it is kept for, and how long: in plain words. */
export interface Words {
  readonly what: string;
  readonly why: string;
  readonly kept: string;
}

/** What a kind is, in a language. */
export const wordsOf = (kind: Kind, language: Language): Words =>
  language === 'en' ? { ...tableCustody, ...blobCustody }[kind] : translations[language][kind];

/** The language served for what a client likes to read, best first: `pt` and `pt-PT` are served in pt-BR. */
export function languageFor(liked: readonly string[]): Language {
  for (const tag of liked) {
    const primary = tag.toLowerCase().split('-')[0];
    const found = languages.find((language) => language.toLowerCase().split('-')[0] === primary);
    if (found !== undefined) return found;
  }
  return 'en';
}

const words = (what: string, why: string, kept: string): Words => ({ what, why, kept });

/** Total, as the custody tables are. */
const translations: { readonly [L in Exclude<Language, 'en'>]: { readonly [K in Kind]: Words } } = {
  'pt-BR': {
    accounts: words(
      'sua conta: nome de usuário e endereço de e-mail',
      'para saber de quem são estes dados',
      'até a conta ser excluída',
    ),
    api_keys: words(
      'as chaves que abrem sua conta',
      'para deixar entrar os seus programas e mais ninguém; cifradas, para que você possa consultá-las',
      'até a chave ser trocada ou a conta excluída',
    ),
    named_keys: words(
      'outras chaves da sua conta: nome, papel, até quando',
      'para deixar entrar quem deve fazer uma parte do trabalho, e nada além disso',
      'até a chave ser revogada ou a conta excluída',
    ),
    monthly_predictions: words(
      'quantas previsões você fez neste mês; só onde o nível da conta as limita',
      'para recusar mais do que o nível permite',
      'até a conta ser excluída; contadas do zero a cada mês',
    ),
    projects: words(
      'um projeto: nome, descrição e configurações, e para onde vão os seus modelos exportados e mensagens, se for o caso',
      'para manter junto o que pertence a uma tarefa, com as suas configurações',
      'até o projeto ser excluído',
    ),
    tags: words(
      'uma etiqueta: nome e descrição',
      'para saber o que as fotos mostram e dar nome às respostas',
      'até ser excluída e não restar nenhuma iteração que a aprendeu',
    ),
    images: words(
      'o que se sabe de uma foto: tamanho, formato e os metadados que você informou',
      'para mostrar as suas fotos a você e reconhecer a mesma foto enviada duas vezes',
      'até ser excluída e não restar nenhuma iteração que aprendeu com ela',
    ),
    image_features: words(
      'os números que o treinamento usa no lugar da foto',
      'para treinar em segundos: calculados uma vez, e não a cada treinamento',
      'enquanto se guarda o que se sabe da foto',
    ),
    image_tags: words(
      'quais etiquetas uma foto tem',
      'para treinar: o que reconhecer em qual foto',
      'até a etiqueta ser retirada, ou a foto ou a etiqueta ser excluída',
    ),
    regions: words(
      'onde algo está em uma foto',
      'para treinar: em que lugar da foto reconhecer',
      'até ser excluída, ou a foto ou a etiqueta',
    ),
    iterations: words(
      'um treinamento: nome, configurações, resultado e o nome com que foi publicado',
      'para responder com o que foi aprendido e comparar treinamentos',
      'até a iteração ser excluída',
    ),
    iteration_tags: words(
      'quais etiquetas uma iteração aprendeu',
      'para dar às respostas de um treinamento os nomes das suas etiquetas',
      'até a iteração ser excluída',
    ),
    iteration_images: words(
      'com quais fotos uma iteração aprendeu, o que estava marcado nelas, e o que disse de cada uma antes de vê-la',
      'para dizer quais modelos aprenderam com uma foto, e como cada um se sai com fotos que não viu',
      'até a iteração ser excluída, ou a foto ser excluída de todas as iterações',
    ),
    predictions: words(
      'uma foto sobre a qual você perguntou: a resposta, quando e para qual aplicação',
      'para você rever respostas e treinar com as fotos difíceis',
      'até ser excluída, ou por tantos dias quantos o projeto guarda previsões: 30, se você não disser outra coisa; nenhum com 0',
    ),
    suggestions: words(
      'que etiquetas ou regiões uma iteração sugere para uma foto sem etiquetas',
      'para você etiquetar muitas fotos depressa, as mais duvidosas primeiro',
      'por 30 dias, mas só enquanto a foto não tiver etiqueta e a iteração continuar como era',
    ),
    retention: words(
      'por quantos dias um projeto guarda previsões e exportações',
      'para excluir sozinho previsões e exportações quando o seu tempo acaba',
      'até o projeto ser excluído',
    ),
    exports: words(
      'que um modelo foi exportado: para qual plataforma, quando, de que tamanho',
      'para listar os modelos que você retirou e onde podem ser baixados',
      'até ela ou a iteração ser excluída, ou por tantos dias quantos o projeto guarda exportações, se você o disser',
    ),
    trash_days: words(
      'por quantos dias você pode trazer de volta o que excluiu',
      'para apagar o que você excluiu quando esse tempo acabar',
      'até a conta ser excluída',
    ),
    trash: words(
      'uma exclusão que você ainda pode desfazer: de quê, quando e até quando',
      'para trazer de volta o que foi excluído por engano',
      'tantos dias quantos você disser, 7 se não disser nada; ou até você esvaziar a lixeira',
    ),
    trash_rows: words(
      'o que você excluiu e ainda pode trazer de volta, como era: também aqui o texto é cifrado',
      'para trazê-lo de volta como era',
      'enquanto a exclusão puder ser desfeita',
    ),
    audit: words(
      'o diário do que foi feito com a sua conta: quando, qual ação, sobre o quê, pelo identificador',
      'para você ver quem fez o quê com os seus dados, e quando',
      'até a conta ser excluída',
    ),
    audit_heads: words(
      'onde esse diário termina, para que nada possa ser cortado dele',
      'para perceber quando um registro do diário foi retirado ou alterado',
      'até a conta ser excluída',
    ),
    takeouts: words(
      'que você retira seus dados em um arquivo: quando, de que tamanho, até onde foi enviado',
      'para continuar um download interrompido',
      'até um dia depois da última leitura, ou até você cancelar',
    ),
    takeout_entries: words(
      'o que foi enviado de um arquivo: de cada item o tamanho e os hashes, nenhum nome e nada do conteúdo',
      'para continuar um download sem guardar uma segunda cópia dos seus dados',
      'enquanto existir a retirada',
    ),
    restores: words(
      'que um arquivo foi restaurado: quando, e como terminou',
      'para dizer em que ponto está e no que deu',
      'até um dia depois de terminar',
    ),
    erasures: words(
      'o que você excluiu, por identificadores, números e datas, com o recibo',
      'para concluir cada exclusão e prová-la a você',
      'até a conta ser excluída; o recibo disso, e do que saiu sozinho no fim do seu prazo, por 90 dias',
    ),
    jobs: words(
      'trabalho que espera ou está em curso, pelos identificadores daquilo de que trata',
      'para terminar o que foi começado, também depois de um reinício',
      'até terminar; 30 dias se falhou',
    ),
    loose_blobs: words(
      'quais arquivos devem ser removidos: pelos identificadores',
      'para não deixar arquivo para trás quando algo é excluído ou interrompido',
      'até o arquivo ser removido, uma hora no máximo',
    ),
    erased: words(
      'o que foi apagado: pelos identificadores',
      'para apagá-lo de novo quando uma cópia mais antiga dos dados é posta de volta',
      'até constar da lista ao lado das chaves, segundos depois; na lista, enquanto o servidor existir',
    ),
    backups: words(
      'quais cópias dos dados foram feitas e até quando são guardadas: por identificadores aleatórios',
      'para dizer a você em cada recibo quais cópias ainda podem conter o que foi apagado',
      'até a cópia ser jogada fora',
    ),
    holdings: words(
      'quantas coisas de cada tipo você tem aqui, e quantos bytes',
      'para mostrar logo quanto há',
      'enquanto existir o que é contado',
    ),
    image_lists: words(
      'quais fotos estão em qual lista, pelos seus ids, na ordem das suas datas',
      'para mostrar logo qualquer página de qualquer número de fotos',
      'enquanto a foto estiver nessa lista',
    ),
    image_list_blocks: words(
      'quantas fotos de uma lista são de qual época',
      'para encontrar uma página distante de uma lista sem ler o que vem antes dela',
      'enquanto houver fotos dessa época nessa lista',
    ),
    tag_sets: words(
      'quantas fotos têm quais etiquetas juntas, pelos ids das etiquetas',
      'para dizer logo quantas fotos têm uma etiqueta',
      'enquanto uma foto tiver exatamente essas etiquetas',
    ),
    'image-original': words(
      'uma foto como você a enviou',
      'para treinar, e devolver exatamente o que você enviou',
      'enquanto se guarda o que se sabe da foto',
    ),
    'image-thumbnail': words(
      'uma cópia pequena de uma foto',
      'para mostrar muitas fotos de uma vez',
      'enquanto se guarda o que se sabe da foto',
    ),
    model: words('o que uma iteração aprendeu', 'para responder previsões', 'até a iteração ser excluída'),
    export: words(
      'um modelo exportado',
      'para você baixar o modelo',
      'até ele ou a iteração ser excluída, ou por tantos dias quantos o projeto guarda exportações, se você o disser',
    ),
    'prediction-original': words(
      'uma foto sobre a qual você perguntou',
      'para você revê-la e treinar com ela',
      'até a previsão ser excluída, ou por tantos dias quantos o projeto guarda previsões',
    ),
    'prediction-thumbnail': words(
      'uma cópia pequena de uma foto sobre a qual você perguntou',
      'para mostrar muitas fotos de uma vez',
      'até a previsão ser excluída, ou por tantos dias quantos o projeto guarda previsões',
    ),
  },
  it: {
    accounts: words(
      'il tuo account: nome utente e indirizzo e-mail',
      'per sapere di chi sono questi dati',
      'finché l’account non viene eliminato',
    ),
    api_keys: words(
      'le chiavi che aprono il tuo account',
      'per far entrare i tuoi programmi e nessun altro; cifrate, così puoi consultarle',
      'finché la chiave non viene sostituita o l’account eliminato',
    ),
    named_keys: words(
      'altre chiavi del tuo account: nome, ruolo, fino a quando',
      'per far entrare chi deve fare una parte del lavoro, e niente di più',
      'finché la chiave non viene revocata o l’account eliminato',
    ),
    monthly_predictions: words(
      'quante previsioni hai fatto questo mese; solo dove il livello dell’account le limita',
      'per rifiutare più di quanto il livello consente',
      'finché l’account non viene eliminato; contate da zero ogni mese',
    ),
    projects: words(
      'un progetto: nome, descrizione e impostazioni, e dove vanno i suoi modelli esportati e messaggi, se da qualche parte',
      'per tenere insieme ciò che appartiene a un compito, con le sue impostazioni',
      'finché il progetto non viene eliminato',
    ),
    tags: words(
      'un’etichetta: nome e descrizione',
      'per sapere che cosa mostrano le foto e dare un nome alle risposte',
      'finché non viene eliminata e non resta nessuna iterazione che l’ha imparata',
    ),
    images: words(
      'ciò che si sa di una foto: dimensioni, formato e i metadati che hai dato',
      'per mostrarti le tue foto e riconoscere la stessa foto inviata due volte',
      'finché non viene eliminata e non resta nessuna iterazione che ha imparato da essa',
    ),
    image_features: words(
      'i numeri che l’addestramento usa al posto della foto',
      'per addestrare in pochi secondi: calcolati una volta, non a ogni addestramento',
      'finché si conserva ciò che si sa della foto',
    ),
    image_tags: words(
      'quali etichette ha una foto',
      'per addestrare: che cosa riconoscere in quale foto',
      'finché l’etichetta non viene tolta, o la foto o l’etichetta eliminata',
    ),
    regions: words(
      'dove si trova qualcosa in una foto',
      'per addestrare: in quale punto della foto riconoscerlo',
      'finché non viene eliminata, oppure la foto o l’etichetta',
    ),
    iterations: words(
      'un addestramento: nome, impostazioni, esito e il nome con cui è pubblicato',
      'per rispondere con ciò che è stato imparato e confrontare gli addestramenti',
      'finché l’iterazione non viene eliminata',
    ),
    iteration_tags: words(
      'quali etichette ha imparato un’iterazione',
      'per dare alle risposte di un addestramento i nomi delle sue etichette',
      'finché l’iterazione non viene eliminata',
    ),
    iteration_images: words(
      'da quali foto ha imparato un’iterazione, che cosa vi era segnato, e che cosa ha detto di ciascuna prima di averla vista',
      'per dire quali modelli hanno imparato da una foto, e come va ciascuno con foto che non ha visto',
      'finché l’iterazione non viene eliminata, o la foto eliminata da tutte le iterazioni',
    ),
    predictions: words(
      'una foto su cui hai chiesto: la risposta, quando e a quale applicazione',
      'per farti rivedere le risposte e addestrare con le foto difficili',
      'finché non viene eliminata, o per tanti giorni quanti il progetto conserva le previsioni: 30 se non dici altro, nessuno con 0',
    ),
    suggestions: words(
      'quali tag o regioni un’iterazione suggerisce per una foto senza tag',
      'per farti etichettare molte foto in fretta, le più dubbie per prime',
      'per 30 giorni, ma solo finché la foto non ha tag e l’iterazione resta com’era',
    ),
    retention: words(
      'per quanti giorni un progetto conserva previsioni ed esportazioni',
      'per eliminare da sé previsioni ed esportazioni quando il loro tempo è finito',
      'finché il progetto non viene eliminato',
    ),
    exports: words(
      'che un modello è stato esportato: per quale piattaforma, quando, quanto grande',
      'per elencare i modelli che hai portato fuori e dove si scaricano',
      'finché essa o l’iterazione non viene eliminata, o per tanti giorni quanti il progetto conserva le esportazioni, se lo dici',
    ),
    trash_days: words(
      'per quanti giorni si può riportare indietro ciò che è stato eliminato',
      'per cancellare ciò che è stato eliminato quando quel tempo è finito',
      'fino all’eliminazione dell’account',
    ),
    trash: words(
      'un’eliminazione che si può ancora annullare: di che cosa, quando e fino a quando',
      'per riportare indietro ciò che è stato eliminato per errore',
      'tanti giorni quanti se ne indicano, 7 se non se ne indicano; o finché il cestino non viene svuotato',
    ),
    trash_rows: words(
      'ciò che è stato eliminato e si può ancora riportare indietro, com’era: anche qui il testo è cifrato',
      'per riportarlo indietro com’era',
      'finché l’eliminazione si può annullare',
    ),
    audit: words(
      'il diario di ciò che è stato fatto con il tuo account: quando, quale azione, su che cosa, per identificativo',
      'per farti vedere chi ha fatto che cosa con i tuoi dati, e quando',
      'finché l’account non viene eliminato',
    ),
    audit_heads: words(
      'dove finisce quel diario, perché nulla possa esserne tagliato via',
      'per accorgersi se una voce del diario è stata tolta o cambiata',
      'finché l’account non viene eliminato',
    ),
    takeouts: words(
      'che porti fuori i tuoi dati in un archivio: quando, quanto grande, fin dove è stato inviato',
      'per proseguire uno scaricamento interrotto',
      'fino a un giorno dopo l’ultima lettura, o finché non lo annulli',
    ),
    takeout_entries: words(
      'che cosa è stato inviato di un archivio: di ogni file la dimensione e gli hash, nessun nome e nulla del contenuto',
      'per proseguire uno scaricamento senza tenere una seconda copia dei tuoi dati',
      'finché esiste l’archivio in uscita',
    ),
    restores: words(
      'che un archivio è stato ripristinato: quando, e com’è finita',
      'per dire a che punto è e che cosa ne è stato',
      'fino a un giorno dopo la fine',
    ),
    erasures: words(
      'che cosa hai eliminato, per identificativi, numeri e date, con la ricevuta',
      'per portare a termine ogni cancellazione e dimostrartela',
      'finché l’account non viene eliminato; la ricevuta di questo, e di ciò che se n’è andato da sé alla sua scadenza, per 90 giorni',
    ),
    jobs: words(
      'lavoro in attesa o in corso, per identificativi di ciò che riguarda',
      'per finire ciò che è stato iniziato, anche dopo un riavvio',
      'finché non è finito; 30 giorni se è fallito',
    ),
    loose_blobs: words(
      'quali file vanno rimossi: per identificativo',
      'per non lasciare file indietro quando qualcosa viene eliminato o interrotto',
      'finché il file non è rimosso, un’ora al massimo',
    ),
    erased: words(
      'che cosa è stato cancellato: per identificativo',
      'per cancellarlo di nuovo quando si rimette una copia più vecchia dei dati',
      'finché non è nella lista accanto alle chiavi, pochi secondi; nella lista finché esiste il server',
    ),
    backups: words(
      'quali copie dei dati sono state fatte e fino a quando si conservano: per identificativi casuali',
      'per dirti in ogni ricevuta quali copie possono ancora contenere ciò che è stato cancellato',
      'finché la copia non viene buttata via',
    ),
    holdings: words(
      'quante cose di ogni tipo hai qui, e quanti byte',
      'per mostrarti subito quanto c’è',
      'finché esiste ciò che è contato',
    ),
    image_lists: words(
      'quali foto sono in quale elenco, con i loro id, nell’ordine delle loro date',
      'per mostrarti subito qualsiasi pagina di qualsiasi numero di foto',
      'finché la foto è in quell’elenco',
    ),
    image_list_blocks: words(
      'quante foto di un elenco sono di quale periodo',
      'per trovare una pagina lontana di un elenco senza leggere ciò che viene prima',
      'finché in quell’elenco ci sono foto di quel periodo',
    ),
    tag_sets: words(
      'quante foto hanno quali etichette insieme, con gli id delle etichette',
      'per dirti subito quante foto hanno un’etichetta',
      'finché una foto ha esattamente queste etichette',
    ),
    'image-original': words(
      'una foto come l’hai data',
      'per addestrare, e restituirti esattamente ciò che hai dato',
      'finché si conserva ciò che si sa della foto',
    ),
    'image-thumbnail': words(
      'una piccola copia di una foto',
      'per mostrare molte foto insieme',
      'finché si conserva ciò che si sa della foto',
    ),
    model: words(
      'ciò che un’iterazione ha imparato',
      'per rispondere alle previsioni',
      'finché l’iterazione non viene eliminata',
    ),
    export: words(
      'un modello esportato',
      'per farti scaricare il modello',
      'finché esso o l’iterazione non viene eliminata, o per tanti giorni quanti il progetto conserva le esportazioni, se lo dici',
    ),
    'prediction-original': words(
      'una foto su cui hai chiesto',
      'per fartela rivedere e addestrare con essa',
      'finché la previsione non viene eliminata, o per tanti giorni quanti il progetto conserva le previsioni',
    ),
    'prediction-thumbnail': words(
      'una piccola copia di una foto su cui hai chiesto',
      'per mostrare molte foto insieme',
      'finché la previsione non viene eliminata, o per tanti giorni quanti il progetto conserva le previsioni',
    ),
  },
};
