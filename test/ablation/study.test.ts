import { expect, it } from 'vitest'
import {
  resolve,
  sameClass,
  study,
  studyOf,
  type KnownLayer,
  type Names,
  type StudyBuilder,
} from '../../src/ablation/index.ts'

const layer = (name: string, at: number, type = 'Dense', own = true): KnownLayer => ({ at, name, type, own })

const names: Names = {
  features: ['age', 'sex', 'fare', 'cabin_deck', 'cabin_number'],
  layers: [
    layer('conv1', 0, 'Conv2D'),
    layer('conv2', 1, 'Conv2D'),
    layer('flatten', 2, 'Flatten'),
    layer('hidden', 3),
  ],
  models: ['linear'],
  datasets: ['clean'],
  switches: ['augmentation'],
  between: (from, to) => (from === 0 && to === 2 ? [1, 2] : undefined),
}
const namesOf = (builder: StudyBuilder) => resolve(builder.study, names).map(({ name }) => name)

it('takes features by name, by place, by prefix and by pattern, each alone or in groups', () => {
  expect(namesOf(study().features('age', 1, { prefix: 'cabin' }))).toEqual([
    'feature:age',
    'feature:sex',
    'feature:cabin_deck',
    'feature:cabin_number',
  ])
  expect(resolve(study().featureGroup('cabin', { pattern: /^cabin/ }).study, names)).toEqual([
    { kind: 'features', name: 'features:cabin', features: ['cabin_deck', 'cabin_number'] },
  ])
})

it('takes layers alone, in groups, by prefix, and as a block between two tensors', () => {
  expect(namesOf(study().layers({ prefix: 'conv' }).layerGroup('dense', 'hidden'))).toEqual([
    'layer:conv1',
    'layer:conv2',
    'layers:dense',
  ])
  expect(resolve(study().block('middle', { from: 'conv1', to: 'flatten' }).study, names)).toEqual([
    { kind: 'layers', name: 'block:middle', layers: ['conv2', 'flatten'] },
  ])
})

it('takes models, datasets and switches by the names in the definition', () => {
  expect(namesOf(study().models('linear').datasets('clean').training('augmentation'))).toEqual([
    'model:linear',
    'dataset:clean',
    'training:augmentation',
  ])
})

it('leaves out what is excluded, and nothing twice', () => {
  const one = study()
    .features({ pattern: '.*' })
    .features('age')
    .exclude({ features: ['sex', { prefix: 'cabin' }] })
  expect(namesOf(one)).toEqual(['feature:age', 'feature:fare'])
})

it('has a JSON form that says the same', () => {
  const one = study()
    .features('age')
    .layers({ pattern: /conv\d/ })
    .keepWeights()
  expect(studyOf(JSON.parse(JSON.stringify(one.study)))).toEqual(one.study)
})

it.each([
  [
    study().features('agee'),
    'the feature agee, which does not exist; there are age, sex, fare, cabin_deck, cabin_number',
  ],
  [study().features(9), 'the feature at 9, and there are age, sex'],
  [study().features({ prefix: 'x' }), 'finds no feature whose name begins with x; there are age'],
  [study().layers('conv3'), 'the layer conv3, which does not exist; there are conv1, conv2, flatten, hidden'],
  [study().layers({ pattern: '(' }), 'which is no regular expression'],
  [study().models('wide'), 'the model generator wide, which does not exist; there are linear'],
  [study().datasets('wide'), 'the dataset generator wide, which does not exist; there are clean'],
  [study().training('noise'), 'the switch noise, which does not exist; there are augmentation'],
  [study().block('b', { from: 'hidden', to: 'conv1' }), 'no way leads from the one to the other'],
  [
    study()
      .features('age')
      .exclude({ features: ['nobody'] }),
    'exclude.features names the feature nobody',
  ],
  [
    study()
      .features('age')
      .exclude({ features: ['age'] }),
    'comes to nothing: all that it names is excluded',
  ],
  [study().featureGroup('g', 'age').featureGroup('g', 'sex'), 'is features:g again, of other members'],
])('says which names there are when one does not exist (%#)', (one, message) => {
  expect(() => resolve(one.study, names)).toThrow(message)
})

it('says what the definition lacks', () => {
  const none: Names = { ...names, features: undefined, layers: undefined, models: [] }
  expect(() => resolve(study().features('age').study, none)).toThrow('the definition lists no `features`')
  expect(() => resolve(study().layers('conv1').study, none)).toThrow('the definition has no model generator')
  expect(() => resolve(study().models('linear').study, none)).toThrow('the definition has no `models`')
})

/** A program that names none of its layers but the last. */
const some: Names = {
  ...names,
  layers: [
    layer('conv2d_Conv2D1', 0, 'Conv2D', false),
    layer('dropout_Dropout1', 1, 'Dropout', false),
    layer('flatten_Flatten1', 2, 'Flatten', false),
    layer('dense_Dense1', 3, 'Dense', false),
    layer('dropout_Dropout2', 4, 'Dropout', false),
    layer('out', 5),
  ],
}
const without = (builder: StudyBuilder) =>
  resolve(builder.study, some).map((one) => [one.name, one.kind === 'layers' ? one.layers : []])

it('takes layers by class and by place where the program gives them no names', () => {
  const first = ['layer:Dropout at 1', [{ at: 1, type: 'Dropout' }]]
  const second = ['layer:Dropout at 4', [{ at: 4, type: 'Dropout' }]]
  expect(without(study().layers({ type: 'dropout' }))).toEqual([first, second])
  expect(without(study().layers({ at: 1 }, 4))).toEqual([first, second])
  expect(without(study().layers({ type: 'dropout', nth: 1 }))).toEqual([second])
  expect(without(study().layers({ type: 'Dropout', nth: -1 }))).toEqual([second])
  expect(without(study().layers({ type: 'dropout', at: -2 }))).toEqual([second])
  expect(without(study().layers({ type: 'dense' }))).toEqual([
    ['layer:Dense at 3', [{ at: 3, type: 'Dense' }]],
    ['layer:out', ['out']],
  ])
  expect(without(study().layers({ type: 'dense', prefix: 'o' }))).toEqual([['layer:out', ['out']]])
})

it('takes groups, blocks and what is excluded by class and place too', () => {
  const both = [
    { at: 1, type: 'Dropout' },
    { at: 4, type: 'Dropout' },
  ]
  expect(without(study().layerGroup('noise', { type: 'dropout' }))).toEqual([['layers:noise', both]])
  expect(without(study().block('middle', { from: { at: 0 }, to: { type: 'flatten' } }))).toEqual([
    [
      'block:middle',
      [
        { at: 1, type: 'Dropout' },
        { at: 2, type: 'Flatten' },
      ],
    ],
  ])
  const rest = study()
    .layers({ type: 'dropout' }, { type: 'dense' })
    .exclude({ layers: ['out', { at: 1 }] })
  expect(without(rest).map(([name]) => name)).toEqual(['layer:Dropout at 4', 'layer:Dense at 3'])
})

it.each([
  [
    study().layers('dense_Dense1'),
    "there are out, and 5 without a name of their own: Conv2D at 0, Dropout at 1, Flatten at 2, Dense at 3, Dropout at 4 (mean them by { at: 0 } or { type: 'Conv2D' }, or give them a name: name: '…')",
  ],
  [study().layers({ type: 'lstm' }), 'finds no layer of the class lstm; there are out'],
  [study().layers({ at: 6 }), 'names the layer at 6, and there are out'],
  [study().layers({ at: -7 }), 'names the layer at -7, and there are out'],
  [study().layers({ type: 'dropout', at: 0 }), 'finds no layer of the class dropout and at 0; there are out'],
  [study().layers({ type: 'dropout', nth: 2 }), 'that is number 2 of them, from 0; there are out'],
  [study().block('b', { from: { type: 'dropout' }, to: 'out' }), 'of the class dropout, which is 2 layers'],
])('says which layers there are, with and without names, when none is meant (%#)', (one, message) => {
  expect(() => resolve(one.study, some)).toThrow(message)
})

it.each([
  ['maxPool2d', 'MaxPooling2D'],
  ['maxPooling2d', 'MaxPooling2D'],
  ['avgPool1d', 'AveragePooling1D'],
  ['globalMaxPool1d', 'GlobalMaxPooling1D'],
  ['depthwiseConv2d', 'DepthwiseConv2D'],
  ['batch_normalization', 'BatchNormalization'],
  ['batchNorm', 'BatchNormalization'],
  ['leakyReLU', 'LeakyReLU'],
])('knows a class by what tf.layers calls it: %s is %s', (one, other) => {
  expect(sameClass(one, other)).toBe(true)
  expect(sameClass(one, 'Dense')).toBe(false)
})

it('takes names and places at their word where only train can build the model, and refuses what it would have to look up', () => {
  const blind: Names = { ...names, layers: { unknown: 'the model generator takes 2 arguments' } }
  expect(resolve(study().layers('conv1', { at: 3 }, { type: 'dropout', at: 4 }).study, blind)).toEqual([
    { kind: 'layers', name: 'layer:conv1', layers: ['conv1'] },
    { kind: 'layers', name: 'layer:at 3', layers: [{ at: 3 }] },
    { kind: 'layers', name: 'layer:dropout at 4', layers: [{ at: 4, type: 'dropout' }] },
  ])
  for (const one of [study().layers({ type: 'dense' }), study().layers({ at: -1 }), study().layers({ pattern: '.' })]) {
    expect(() => resolve(one.study, blind)).toThrow('and the model generator takes 2 arguments')
  }
  expect(() => resolve(study().block('b', { from: 'a', to: 'b' }).study, blind)).toThrow(
    'is a block of layers, and the',
  )
})

it('refuses a study that names nothing, or that is none', () => {
  expect(() => studyOf({ ...study().study, include: [{ kind: 'layers', of: [{ place: 3 }] }] })).toThrow(/study\./)
  expect(() => studyOf(study())).toThrow('names nothing to leave out')
  expect(() => studyOf({ include: 'all' })).toThrow(/study\./)
})
