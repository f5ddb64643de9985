/** The meaning of names in a dataset. Names are read word by word: `xTest`, `x_test` and `TEST-X` are alike. */

/** `x`, `ys`, `images`: one entry for each sample. */
const samples = words(
  'x xs y ys input inputs output outputs data feature features label labels target targets image images pixels text texts',
  'sentence sentences token tokens sequence sequences row rows sample samples example examples value values',
)
const training = words('train training')
const heldOut = words('test tests testing val vals validation validate eval evaluation evaluate holdout')
/** Held out beside another word (`validXs`, `xDev`) or as a structure; alone they are as often a mask or a deviation. */
const oftenHeldOut = words('valid dev')
function words(...lists: readonly string[]): ReadonlySet<string> {
  return new Set(lists.flatMap((list) => list.split(' ')))
}

function wordsOf(name: string): string[] {
  return name
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '')
    .flatMap(apart)
}

/** Words that may be written onto another without a sign between them. */
const beside = 'xs?|ys?|data|dataset|ds|set|inputs|outputs|images|labels|features|targets|samples|examples'
const joined = new RegExp(`^(${beside})?(${[...training, ...heldOut, ...oftenHeldOut].join('|')})(${beside})?$`)

/** `xtest` is `x` and `test`; any other word is itself. */
function apart(word: string): string[] {
  const found = joined.exec(word)
  return found === null ? [word] : found.slice(1).filter((part) => part !== undefined)
}

export type NamedRole = 'train' | 'held out'

/** `leaf`: an array or a tensor, and no structure of several. Undefined: the name does not say. */
export function roleOf(name: string, leaf: boolean): NamedRole | undefined {
  const all = wordsOf(name)
  if (all.some((word) => heldOut.has(word))) return 'held out'
  if (all.includes('held') && all.includes('out')) return 'held out'
  if (all.includes('hold') && all.includes('out')) return 'held out'
  if (all.some((word) => oftenHeldOut.has(word)) && (!leaf || all.length > 1)) return 'held out'
  return all.some((word) => training.has(word)) ? 'train' : undefined
}

/** `train`, `training`, `trainSet`: all that is trained on, and not one array of several (`xTrain`). */
export function namesAllTraining(name: string): boolean {
  const rest = wordsOf(name).filter((word) => !['data', 'dataset', 'ds', 'set', 'split', 'part'].includes(word))
  return rest.length === 1 && training.has(rest[0] ?? '')
}

export function namesSamples(name: string): boolean {
  return wordsOf(name).some((word) => samples.has(word) || training.has(word))
}
