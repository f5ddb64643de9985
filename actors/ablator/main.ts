/** The process of an ablator. */
import { runActor } from '../../src/actor/index.ts'
import { ablator } from './ablator.ts'

await runActor(ablator)
