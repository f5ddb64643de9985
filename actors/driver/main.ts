#!/usr/bin/env node
/** `maggy driver`. */
import { runActor } from '../../src/actor/index.ts'
import { startDriver } from './driver.ts'
import { driverDefaults, driverOptions, type DriverFlags } from './options.ts'

await runActor<DriverFlags>(
  {
    name: 'driver',
    description: 'Owns experiments: hands out trials to workers, keeps the log, stops what goes badly.',
    roles: ['driver'],
    options: driverOptions,
    start: (env, { lostAfter, ...flags }) => startDriver(env, { ...driverDefaults, ...flags, lostAfterMs: lostAfter }),
  },
  process.argv.slice(2),
)
