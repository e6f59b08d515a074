import type { TrainingPhase, TrainingProgress } from '../domain/progress.ts';
import type { Language } from '../store/custody-words.ts';

type Words = { readonly [Of in TrainingProgress['state'] | TrainingPhase]: string };

/** Total: a state or phase that is not told in a language does not compile. */
const words: { readonly [L in Language]: Words } = {
  en: {
    Waiting: 'It waits for its turn.',
    Running: 'It begins.',
    Completed: 'It has ended.',
    Failed: 'It failed.',
    Cancelled: 'It was cancelled: nothing of it is left.',
    features: 'The network looks at the pictures.',
    head: 'It learns to tell the tags apart by what the network sees.',
    whole: 'The network itself learns.',
    judged: 'What was learned is held against pictures that were kept back.',
    storing: 'What was learned is encrypted and stored.',
  },
  'pt-BR': {
    Waiting: 'Aguarda a sua vez.',
    Running: 'Está começando.',
    Completed: 'Terminou.',
    Failed: 'Falhou.',
    Cancelled: 'Foi cancelado: não restou nada dele.',
    features: 'A rede examina as imagens.',
    head: 'Aprende a distinguir as marcas pelo que a rede vê.',
    whole: 'A própria rede aprende.',
    judged: 'O que foi aprendido é conferido com imagens que ficaram de fora.',
    storing: 'O que foi aprendido é cifrado e guardado.',
  },
  it: {
    Waiting: 'Attende il suo turno.',
    Running: 'Sta iniziando.',
    Completed: 'È terminato.',
    Failed: 'Non è riuscito.',
    Cancelled: 'È stato annullato: non ne resta nulla.',
    features: 'La rete guarda le immagini.',
    head: 'Impara a distinguere i tag da ciò che la rete vede.',
    whole: 'Impara la rete stessa.',
    judged: 'Ciò che è stato appreso è confrontato con immagini tenute da parte.',
    storing: 'Ciò che è stato appreso viene cifrato e conservato.',
  },
};

/** What a training is at, in a sentence. */
export const trainingSays = (
  state: TrainingProgress['state'],
  phase: TrainingPhase | null,
  language: Language,
): string => words[language][state === 'Running' && phase !== null ? phase : state];
