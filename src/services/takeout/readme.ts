import type { ArchiveEntry } from '../../base/archive-entry.ts';

/** What the archive holds, in words, a paragraph or a line a file, in each language. `{…}` stands for a part that differs. */
const words = {
  en: {
    title: 'Your data from Ownsight',
    intro: [
      'This archive holds everything the server keeps for you, as of {time}. You need no program of ours to read it: pictures are as you gave them, the rest is JSON, CSV and other open formats.',
      'It is a BagIt bag (RFC 8493): `manifest-sha256.txt`, beside the folder `data`, lists the SHA-256 of every file, so that any BagIt tool, or `sha256sum --check`, tells whether it is whole.',
      'What is left out: thumbnails and the numbers computed for training, both made again from the pictures; the secrets of your keys, which open your account; and work of the server that only names ids.',
    ],
    complete: 'If there is a file `MISSING.json`, it lists what could not be read; without it the archive is complete.',
    restore: 'To put it all back, on this server or another one: `ownsight restore FILE`.',
    files: 'The files',
    lines: {
      'MISSING.json': 'what could not be read, and why; only there when something is missing',
      'schema/': 'JSON Schemas of every JSON file below',
      'account/rows/': 'the account: name, e-mail address, which keys there are (not the keys), its log',
      'account/audit.json':
        'the log of the account with its hashes: `ownsight verify` tells, without any server, whether it is as it was written',
      'projects/<id>/project.json':
        'a project: name, settings, tags, iterations and how well each did on pictures it had not seen',
      'projects/<id>/images/': 'your pictures, byte for byte',
      'projects/<id>/images-….jsonl': 'a line for each picture: size, tags, regions, metadata',
      'projects/<id>/images.csv': 'the same as a table',
      'projects/<id>/coco.json': 'the same in the format COCO',
      'projects/<id>/data.yaml, labels/': 'regions in the format YOLO (object detection only)',
      'projects/<id>/Annotations/': 'regions in the format Pascal VOC (object detection only)',
      'projects/<id>/by-tag/':
        'for each tag a list of the files that carry it; lists, so that no picture is there twice',
      'projects/<id>/croissant.json':
        'a description in the format Croissant, with which tools of machine learning load the pictures',
      'projects/<id>/iterations/<id>/model.onnx':
        'a trained model that any ONNX runtime runs; labels, and how to prepare a picture, lie beside it',
      'projects/<id>/iterations/<id>/model.own': 'the same model as this server keeps it, to be put back to the bit',
      'projects/<id>/iterations/<id>/held-out-….jsonl': 'what the model said of each picture before it had seen it',
      'projects/<id>/exports/': 'models you had exported, as they were',
      'projects/<id>/predictions/, predictions-….jsonl': 'pictures you asked about that were kept, and the answers',
      'projects/<id>/rows/':
        'everything once more, as the server keeps it, a file for each kind: from these it is put back',
    },
  },
  'pt-BR': {
    title: 'Seus dados do Ownsight',
    intro: [
      'Este arquivo contém tudo o que o servidor guarda para você, em {time}. Nenhum programa nosso é necessário para lê-lo: as imagens estão como você as enviou, o resto é JSON, CSV e outros formatos abertos.',
      'É um pacote BagIt (RFC 8493): `manifest-sha256.txt`, ao lado da pasta `data`, traz o SHA-256 de cada arquivo, de modo que qualquer ferramenta BagIt, ou `sha256sum --check`, diz se está íntegro.',
      'O que fica de fora: miniaturas e os números calculados para o treinamento, ambos refeitos a partir das imagens; os segredos das suas chaves, que abrem a sua conta; e trabalhos do servidor que só citam identificadores.',
    ],
    complete: 'Se existe o arquivo `MISSING.json`, ele lista o que não pôde ser lido; sem ele, o pacote está completo.',
    restore: 'Para pôr tudo de volta, neste servidor ou em outro: `ownsight restore ARQUIVO`.',
    files: 'Os arquivos',
    lines: {
      'MISSING.json': 'o que não pôde ser lido e por quê; só existe quando falta algo',
      'schema/': 'JSON Schemas de todos os arquivos JSON abaixo',
      'account/rows/': 'a conta: nome, endereço de e-mail, quais chaves existem (não as chaves), o seu registro',
      'account/audit.json':
        'o registro da conta com seus hashes: `ownsight verify` diz, sem servidor algum, se está como foi escrito',
      'projects/<id>/project.json':
        'um projeto: nome, configurações, tags, iterações e o desempenho de cada uma em imagens que não tinha visto',
      'projects/<id>/images/': 'suas imagens, byte por byte',
      'projects/<id>/images-….jsonl': 'uma linha por imagem: tamanho, tags, regiões, metadados',
      'projects/<id>/images.csv': 'o mesmo em forma de tabela',
      'projects/<id>/coco.json': 'o mesmo no formato COCO',
      'projects/<id>/data.yaml, labels/': 'regiões no formato YOLO (só detecção de objetos)',
      'projects/<id>/Annotations/': 'regiões no formato Pascal VOC (só detecção de objetos)',
      'projects/<id>/by-tag/':
        'para cada tag, uma lista dos arquivos que a têm; listas, para que nenhuma imagem apareça duas vezes',
      'projects/<id>/croissant.json':
        'uma descrição no formato Croissant, com a qual ferramentas de aprendizado de máquina carregam as imagens',
      'projects/<id>/iterations/<id>/model.onnx':
        'um modelo treinado que qualquer runtime ONNX executa; ao lado, os rótulos e como preparar uma imagem',
      'projects/<id>/iterations/<id>/model.own':
        'o mesmo modelo como este servidor o guarda, para ser restaurado bit a bit',
      'projects/<id>/iterations/<id>/held-out-….jsonl': 'o que o modelo disse de cada imagem antes de tê-la visto',
      'projects/<id>/exports/': 'modelos que você exportou, como estavam',
      'projects/<id>/predictions/, predictions-….jsonl': 'imagens consultadas que foram guardadas, e as respostas',
      'projects/<id>/rows/': 'tudo mais uma vez, como o servidor guarda, um arquivo por tipo: é daqui que se restaura',
    },
  },
  it: {
    title: 'I tuoi dati da Ownsight',
    intro: [
      'Questo archivio contiene tutto ciò che il server conserva per te, alla data {time}. Per leggerlo non serve alcun nostro programma: le immagini sono come le hai date, il resto è JSON, CSV e altri formati aperti.',
      'È un pacchetto BagIt (RFC 8493): `manifest-sha256.txt`, accanto alla cartella `data`, elenca lo SHA-256 di ogni file, così che qualsiasi strumento BagIt, o `sha256sum --check`, dice se è integro.',
      'Che cosa manca: le miniature e i numeri calcolati per l’addestramento, entrambi rifatti dalle immagini; i segreti delle tue chiavi, che aprono il tuo account; e lavori del server che citano solo identificativi.',
    ],
    complete:
      'Se c’è un file `MISSING.json`, elenca ciò che non si è potuto leggere; senza di esso l’archivio è completo.',
    restore: 'Per rimettere tutto a posto, su questo server o su un altro: `ownsight restore FILE`.',
    files: 'I file',
    lines: {
      'MISSING.json': 'che cosa non si è potuto leggere e perché; c’è solo se manca qualcosa',
      'schema/': 'JSON Schema di tutti i file JSON qui sotto',
      'account/rows/': 'l’account: nome, indirizzo e-mail, quali chiavi ci sono (non le chiavi), il suo registro',
      'account/audit.json':
        'il registro dell’account con i suoi hash: `ownsight verify` dice, senza alcun server, se è come fu scritto',
      'projects/<id>/project.json':
        'un progetto: nome, impostazioni, tag, iterazioni e il risultato di ciascuna su immagini che non aveva visto',
      'projects/<id>/images/': 'le tue immagini, byte per byte',
      'projects/<id>/images-….jsonl': 'una riga per immagine: dimensioni, tag, regioni, metadati',
      'projects/<id>/images.csv': 'lo stesso come tabella',
      'projects/<id>/coco.json': 'lo stesso nel formato COCO',
      'projects/<id>/data.yaml, labels/': 'regioni nel formato YOLO (solo rilevamento di oggetti)',
      'projects/<id>/Annotations/': 'regioni nel formato Pascal VOC (solo rilevamento di oggetti)',
      'projects/<id>/by-tag/':
        'per ogni tag un elenco dei file che lo portano; elenchi, così che nessuna immagine ci sia due volte',
      'projects/<id>/croissant.json':
        'una descrizione nel formato Croissant, con cui gli strumenti di apprendimento automatico caricano le immagini',
      'projects/<id>/iterations/<id>/model.onnx':
        'un modello addestrato che qualsiasi runtime ONNX esegue; accanto, le etichette e come preparare un’immagine',
      'projects/<id>/iterations/<id>/model.own':
        'lo stesso modello come lo conserva questo server, da ripristinare al bit',
      'projects/<id>/iterations/<id>/held-out-….jsonl':
        'che cosa il modello ha detto di ogni immagine prima di averla vista',
      'projects/<id>/exports/': 'i modelli che hai esportato, com’erano',
      'projects/<id>/predictions/, predictions-….jsonl': 'le immagini chieste che sono state conservate, e le risposte',
      'projects/<id>/rows/':
        'tutto ancora una volta, come lo conserva il server, un file per tipo: da questi si ripristina',
    },
  },
} as const satisfies Readonly<Record<string, Words>>;

interface Words {
  readonly title: string;
  readonly intro: readonly string[];
  readonly complete: string;
  readonly restore: string;
  readonly files: string;
  readonly lines: Readonly<Record<string, string>>;
}

/** `README.<language>.md` in every language there is. */
export const readmeFiles = (time: string): ArchiveEntry[] =>
  Object.entries(words).map(([language, { title, intro, complete, restore, files, lines }]) => {
    const table = Object.entries(lines).map(([file, meaning]) => `- \`${file}\`: ${meaning}`);
    const text = [`# ${title}`, ...intro, complete, restore, `## ${files}`, table.join('\n')].join('\n\n');
    return { name: `README.${language}.md`, bytes: Buffer.from(`${text.replace('{time}', time)}\n`), text: true };
  });
