/**
 * Attacks that look at what becomes of them, beside the matrix of roles and actions: each names the bypass that it tries, does it with
 * credentials of its own, and says whether it came through.
 */
import { randomBytes } from 'node:crypto'
import { headers, type NatsConnection } from 'nats'
import { encode } from '../../protocol/index.ts'
import { heard, intrude, settled, stolen, stolenBy, type Attack } from './intruder.ts'
import { jetStreamAttacks } from './jetstream-attacks.ts'
import { ringAttacks } from './ring-attacks.ts'

const evil = encode({ evil: true, reason: 'evil', token: randomBytes(4).toString('hex') })
const victim = { role: 'worker' as const, name: 'victim', subject: 'maggy.*.call.worker.victim.assign' }

/** Bytes of one's own into a stream, and out of it with a reply subject of one's choice. */
const bounce =
  (write: string, stream: string, target: string, how: object | 'subject') =>
  async (attacker: NatsConnection): Promise<void> => {
    // Kept, or refused, before it is read.
    await attacker.request(write, evil, { timeout: 2_000 }).catch(() => undefined)
    const ask = how === 'subject' ? '' : JSON.stringify(how)
    const subject = how === 'subject' ? `$JS.API.DIRECT.GET.${stream}.${write}` : `$JS.API.DIRECT.GET.${stream}`
    attacker.publish(subject, ask, { reply: target })
    // The server answers in order: when this is answered, so is that.
    await attacker.request(subject, ask, { timeout: 2_000 }).catch(() => undefined)
  }

const telemetry = `maggy.v1.worker.${stolen}.output.e.0`
const assignOfVictim = 'maggy.v1.call.worker.victim.assign'

/** The same by a driver, who may: these come through, or the attacks would prove nothing. */
export const controls: readonly Attack[] = [
  {
    name: 'an assignment',
    run: (secured) => heard(secured, victim, async (attacker) => attacker.publish(assignOfVictim, evil), 'driver'),
  },
  {
    name: 'a question to an optimizer that its credentials are for',
    run: (secured) => {
      const subject = 'maggy.v1.call.optimizer.My-Own_1.open'
      const asked = { role: 'optimizer' as const, name: 'My-Own_1', subject }
      return heard(secured, asked, async (attacker) => attacker.publish(subject, evil), 'driver')
    },
  },
  {
    name: "a bundle's bytes, answered to another worker",
    run: (secured) => {
      const write = '$O.maggy-bundles.C.control'
      const how = { last_by_subj: write, no_hdr: true }
      return heard(secured, victim, bounce(write, 'OBJ_maggy-bundles', assignOfVictim, how), 'driver')
    },
  },
]

export const attacks: readonly Attack[] = [
  ...ringAttacks,
  ...jetStreamAttacks,
  {
    name: 'code on another worker: an assignment said by a worker',
    run: (secured) => heard(secured, victim, async (attacker) => attacker.publish(assignOfVictim, evil), 'worker'),
  },
  {
    name: "a result of another worker's trial",
    run: (secured) =>
      heard(
        secured,
        { role: 'driver', name: 'd', subject: 'maggy.*.worker.victim.done.e' },
        async (attacker) => attacker.publish('maggy.v1.worker.victim.done.e', evil),
        'worker',
      ),
  },
  ...(
    [
      ['a direct get', (own: string) => ({ last_by_subj: own })],
      ['a direct get without headers', (own: string) => ({ last_by_subj: own, no_hdr: true })],
      ['a batch of direct gets', (own: string) => ({ seq: 1, next_by_subj: own, batch: 4, no_hdr: true })],
      ['a direct get by a subject', () => 'subject' as const],
    ] as const
  ).flatMap(([what, how]): Attack[] =>
    (['worker', 'runner', 'client', 'board'] as const).map((role) => ({
      name: `code on another worker: ${what} of one's own bytes, answered to it, by a ${role}`,
      run: (secured) => {
        const own = `maggy.v1.worker.${stolenBy(role)}.output.e.${role}`
        return heard(secured, victim, bounce(own, 'MAGGY_TELEMETRY', assignOfVictim, how(own)), role)
      },
    })),
  ),
  {
    name: "code on another worker: a bundle's bytes, answered to it, by a client",
    run: (secured) =>
      heard(
        secured,
        victim,
        bounce('$O.maggy-bundles.C.x', 'OBJ_maggy-bundles', assignOfVictim, {
          last_by_subj: '$O.maggy-bundles.C.x',
          no_hdr: true,
        }),
        'client',
      ),
  },
  {
    name: "other users' answers: all inboxes",
    run: async (secured) => {
      const attacker = await intrude(secured, 'worker', stolen)
      const driver = await secured.connect('driver', 'd')
      let got = 0
      attacker.subscribe('_INBOX.>', { callback: (error) => void (error ?? (got += 1)) })
      await attacker.flush()
      await driver.streams.subjects('log', 'maggy.v1.log.*')
      await settled(attacker)
      await attacker.close()
      return got > 0
    },
  },
  {
    name: 'hparams forged: an answer to a driver in the place of an optimizer',
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const attacker = await intrude(secured, 'worker', stolen)
      // It learns of the reply subject by somebody who may hear the question.
      let learned: (reply: string) => void = () => undefined
      const told = new Promise<string>((resolve) => {
        learned = resolve
      })
      const spy = await intrude(secured, 'optimizer', 'spy')
      spy.subscribe('maggy.*.call.optimizer.spy.open', {
        callback: (_, message) => learned(message.reply ?? ''),
      })
      await spy.flush()
      const answer = driver.request('maggy.v1.call.optimizer.spy.open', encode({}), {
        timeoutMs: 700,
        answeredBy: 'optimizer.any',
      })
      const forged = answer.then(
        () => true,
        () => false,
      )
      attacker.publish(await told, evil)
      await settled(attacker)
      const came = await forged
      await attacker.close()
      await spy.close()
      return came
    },
  },
  ...(
    [
      ['an optimizer', 'optimizer', 'maggy.*.call.optimizer.mine.open', 'maggy.v1.call.optimizer.mine.open'],
      ['an optimizer, by a queue', 'optimizer', 'maggy.*.call.optimizer.*.open', 'maggy.v1.call.optimizer.mine.open'],
      ['a pruner', 'optimizer', 'maggy.*.call.pruner.mine.judge', 'maggy.v1.call.pruner.mine.judge'],
      ['an ablator', 'ablator', 'maggy.*.call.ablator.mine.open', 'maggy.v1.call.ablator.mine.open'],
    ] as const
  ).map(([who, role, listens, asked]): Attack => ({
    name: `hparams or verdicts forged: ${who} that answers for another name than its own`,
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const attacker = await intrude(secured, role, stolenBy(role))
      attacker.subscribe(listens, {
        queue: who.includes('pruner') ? 'pruner' : role,
        callback: (error, message) => void (error ?? message.respond(evil)),
      })
      await attacker.flush().catch(() => undefined)
      const answer = driver.request(asked, encode({}), { timeoutMs: 700, answeredBy: `${role}.any` })
      const came = await answer.then(
        () => true,
        () => false,
      )
      await attacker.close()
      return came
    },
  })),
  {
    name: 'a checkpoint overwritten in the store',
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const kept = randomBytes(1000)
      await driver.blobs.put('maggy-checkpoints', 'e/0', kept)
      const subject = `$O.maggy-checkpoints.M.${Buffer.from('e/0').toString('base64url').padEnd(4, '=')}`
      for (const role of ['worker', 'runner', 'client', 'optimizer', 'ablator', 'board'] as const) {
        const attacker = await intrude(secured, role, stolenBy(role))
        attacker.publish(subject, 'evil')
        attacker.publish('$JS.API.STREAM.PURGE.OBJ_maggy-checkpoints', '')
        attacker.publish('$JS.API.STREAM.DELETE.OBJ_maggy-checkpoints', '')
        await settled(attacker)
        await attacker.close()
      }
      const found = await driver.blobs.get('maggy-checkpoints', 'e/0')
      return found === undefined || Buffer.compare(found, kept) !== 0
    },
  },
  {
    name: "a checkpoint's entry hidden by noise: the acknowledgement of one's own output, answered to it",
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const kept = randomBytes(1000)
      await driver.blobs.put('maggy-checkpoints', 'e/1', kept)
      const reply = `$O.maggy-checkpoints.M.${Buffer.from('e/1').toString('base64url').padEnd(4, '=')}`
      const attacker = await intrude(secured, 'runner', stolen)
      attacker.publish(telemetry, evil, { reply })
      await attacker.request(telemetry, evil, { timeout: 2_000 }).catch(() => undefined)
      await settled(attacker)
      await attacker.close()
      const found = await driver.blobs.get('maggy-checkpoints', 'e/1')
      return found === undefined || Buffer.compare(found, kept) !== 0
    },
  },
  {
    name: 'the log written to',
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      for (const role of ['worker', 'runner', 'client', 'board'] as const) {
        const attacker = await intrude(secured, role, stolenBy(role))
        attacker.publish('maggy.v1.log.forged', evil)
        await settled(attacker)
        await attacker.close()
      }
      return (await driver.streams.subjects('log', 'maggy.v1.log.forged')).length > 0
    },
  },
  {
    name: 'the log cut or taken away',
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const last = (await driver.streams.last('log', 'maggy.v1.log.kept'))?.sequence ?? 0
      await driver.streams.append('maggy.v1.log.kept', encode({ first: 0 }), { expectedLast: last })
      for (const role of ['worker', 'runner', 'client', 'optimizer', 'board'] as const) {
        const attacker = await intrude(secured, role, stolenBy(role))
        for (const what of ['PURGE', 'DELETE']) attacker.publish(`$JS.API.STREAM.${what}.MAGGY_LOG`, '')
        await settled(attacker)
        await attacker.close()
      }
      return (await driver.streams.last('log', 'maggy.v1.log.kept')) === undefined
    },
  },
  {
    name: 'an artifact overwritten, or taken away',
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      const subject = 'maggy.v1.artifact.e.0.1.u'
      const part = { expectedLast: (await driver.streams.last('artifacts', subject))?.sequence ?? 0 }
      const kept = await driver.streams.append(subject, encode({ data: randomBytes(8) }), part)
      for (const role of ['worker', 'runner', 'client', 'optimizer', 'ablator', 'board'] as const) {
        const attacker = await intrude(secured, role, stolenBy(role))
        attacker.publish(subject, evil)
        for (const what of ['PURGE', 'DELETE']) attacker.publish(`$JS.API.STREAM.${what}.MAGGY_ARTIFACTS`, '')
        await settled(attacker)
        await attacker.close()
      }
      return (await driver.streams.last('artifacts', subject))?.sequence !== kept
    },
  },
  ...(['worker', 'runner', 'optimizer', 'ablator', 'board'] as const).map((role): Attack => ({
    name: `an experiment removed: a driver is asked to, by a ${role}`,
    run: (secured) =>
      heard(
        secured,
        { role: 'driver', name: 'd', subject: 'maggy.*.call.driver.remove' },
        async (attacker) => attacker.publish('maggy.v1.call.driver.remove', evil),
        role,
      ),
  })),
  {
    name: 'an answer of ours aimed at another subject: a request with a reply subject that is no inbox',
    run: async (secured) => {
      const driver = await secured.connect('driver', 'd')
      driver.subscribe('maggy.*.worker.*.done.e', (delivery) => delivery.respond(encode({ ok: {} })))
      await driver.flush()
      return await heard(
        secured,
        victim,
        async (attacker) => {
          attacker.publish(`maggy.v1.worker.${stolen}.done.e`, evil, { reply: assignOfVictim })
          await attacker.flush()
          await driver.flush()
        },
        'worker',
      )
    },
  },
  {
    name: 'a header that replaces what a stream keeps, by a runner',
    run: async (secured) => {
      const attacker = await intrude(secured, 'runner', stolen)
      const driver = await secured.connect('driver', 'd')
      attacker.publish(telemetry, encode({ attempt: 1, lines: [] }))
      const rollup = headers()
      rollup.set('Nats-Rollup', 'all')
      attacker.publish(telemetry, evil, { headers: rollup })
      await settled(attacker)
      await attacker.close()
      const kept: unknown[] = []
      for await (const entry of driver.streams.read('telemetry', telemetry)) kept.push(entry.sequence)
      return kept.length === 0
    },
  },
  {
    name: 'a message larger than the role may send',
    run: async (secured) => {
      const attacker = await intrude(secured, 'worker', stolen)
      await settled(attacker)
      const { max_payload: limit = 0 } = attacker.info ?? {}
      const closed = attacker.closed()
      try {
        attacker.publish(`maggy.v1.worker.${stolen}.beat`, new Uint8Array(3 * 2 ** 20))
        await attacker.flush()
      } catch {
        // The client itself, or the server by hanging up.
        await attacker.close()
        await closed
        return false
      }
      await attacker.close()
      return limit > 2 * 2 ** 20
    },
  },
  {
    name: 'more subscriptions than the role may have',
    run: async (secured) => {
      const attacker = await intrude(secured, 'worker', stolen)
      for (let made = 0; made < 100; made += 1)
        attacker.subscribe(`_INBOX.worker.${stolen}.a.b.${made}.x`, { callback: () => undefined })
      await attacker.flush().catch(() => undefined)
      await attacker.close()
      // Its log comes by another way than its answers.
      const said = () => secured.log.some((line) => line.includes('maximum subscriptions exceeded'))
      for (let tries = 0; tries < 100 && !said(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50))
      return !said()
    },
  },
]
