import { expect, it } from 'vitest'
import { resolve, study, studyOf, type Names, type StudyBuilder } from '../../src/ablation/index.ts'

const names: Names = {
  features: ['age', 'sex', 'fare', 'cabin_deck', 'cabin_number'],
  layers: ['conv1', 'conv2', 'flatten', 'hidden'],
  unnamedLayers: 0,
  models: ['linear'],
  datasets: ['clean'],
  switches: ['augmentation'],
  between: (from, to) => (from === 'conv1' && to === 'flatten' ? ['conv2', 'flatten'] : undefined),
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
  const none: Names = { ...names, features: undefined, layers: undefined, models: [], unnamedLayers: 0 }
  expect(() => resolve(study().features('age').study, none)).toThrow('the definition lists no `features`')
  expect(() => resolve(study().layers('conv1').study, none)).toThrow('the definition has no model generator')
  expect(() => resolve(study().models('linear').study, none)).toThrow('the definition has no `models`')
})

it('says how to name layers that have no name of their own', () => {
  const some: Names = { ...names, layers: ['conv1'], unnamedLayers: 2 }
  expect(() => resolve(study().layers('dense_Dense1').study, some)).toThrow(
    '2 without a name of their own (give them one',
  )
})

it('refuses a study that names nothing, or that is none', () => {
  expect(() => studyOf(study())).toThrow('names nothing to leave out')
  expect(() => studyOf({ include: 'all' })).toThrow(/study\./)
})
