/** Policy gradients (REINFORCE): walks along a corridor, each as long as it takes; one step of the optimizer for each few walks. */
import * as tf from '@tensorflow/tfjs'
import { defineExperiment, optimization, space, training } from 'maggy'

const goal = 4
const longest = 20

export default defineExperiment(import.meta.url, {
  name: 'reinforcement',
  model: () =>
    tf.sequential({
      layers: [
        tf.layers.dense({ inputShape: [1], units: 6, activation: 'tanh' }),
        tf.layers.dense({ units: 2, activation: 'softmax' }),
      ],
    }),
  hparams: { lr: 0.05, rounds: 6, walks: 4 },
  train: ({ model, hparams, reporter }) => {
    const policy = model()
    const optimizer = tf.train.adam(hparams.lr)
    /** Where it was, where it went from there, and what the walk was worth. */
    const walk = () => {
      const [places, ways]: [number[], number[]] = [[], []]
      let place = 0
      while (place < goal && places.length < longest) {
        const at = place
        const right = tf.tidy(() => (policy.predict(tf.tensor2d([[at / goal]])) as tf.Tensor).dataSync()[1] ?? 0.5)
        const way = Math.random() < right ? 1 : 0
        places.push(place / goal)
        ways.push(way)
        place = Math.max(0, place + (way === 1 ? 1 : -1))
      }
      return { places, ways, steps: places.length }
    }
    let steps = 0
    for (let round = 0; round < hparams.rounds; round += 1) {
      const walks = Array.from({ length: hparams.walks }, walk)
      steps = walks.reduce((sum, one) => sum + one.steps, 0) / walks.length
      const worth = walks.flatMap((one) => one.places.map(() => (longest / 2 - one.steps) / longest))
      tf.tidy(() => {
        const states = tf.tensor2d(walks.flatMap(({ places }) => places).map((place) => [place]))
        const taken = tf.oneHot(
          tf.tensor1d(
            walks.flatMap(({ ways }) => ways),
            'int32',
          ),
          2,
        )
        optimizer.minimize(() => {
          const chances = (policy.apply(states) as tf.Tensor).mul(taken).sum(1)
          return chances.log().mul(tf.tensor1d(worth)).mean().neg() as tf.Scalar
        })
      })
      reporter.report({ steps })
    }
    policy.dispose()
    optimizer.dispose()
    return { steps }
  },
  contexts: {
    tune: optimization({ space: { lr: space.double(0.01, 0.1) }, trials: 2, metric: 'steps', direction: 'minimize' }),
    train: training({ workers: 2 }),
  },
})
