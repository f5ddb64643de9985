/** A plain Node process that trains each time it is told to, and says how fast: no worker, no runner, no bus. */
import '@tensorflow/tfjs-node'
import { imagesPerSecond } from './demo-cnn.ts'

process.on('message', () => void imagesPerSecond().then((rate) => process.send?.(rate)))
