/** A plain Node process: no worker, no runner, no bus. */
import '@tensorflow/tfjs-node'
import { imagesPerSecond } from './demo-cnn.ts'

console.log(await imagesPerSecond())
