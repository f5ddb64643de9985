/** A package index that stalls: pip gets so far and no further, however fast the machine and its network are. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { devNull } from 'node:os'
import type { WheelPin } from '../../src/setup/pins.ts'

/** Where the download stands still: before the index has answered, or once half of the wheel has been sent. */
export type Stall = 'before the index answers' | 'in the middle of the wheel'

export interface StallingIndex {
  /** Leads pip to this index, and to no other. */
  readonly environment: Readonly<Record<string, string>>
  /** Resolves once a download has come to where it stands still. */
  readonly reached: Promise<void>
  /** Hangs up on all that wait. */
  stop(): Promise<void>
}

const bytes = 1 << 20

export async function startStallingIndex(
  { project, version, sha256, tags }: WheelPin,
  stall: Stall,
): Promise<StallingIndex> {
  const platform = tags[tags.indexOf('--platform') + 1]
  const file = `${project.replaceAll('-', '_')}-${version}-py3-none-${platform}.whl`
  let arrive = (): void => {}
  const reached = new Promise<void>((resolve) => {
    arrive = resolve
  })
  const half = (response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
    response.write(Buffer.alloc(bytes / 2), arrive)
  }
  const server = createServer(({ url = '' }, response) => {
    if (url.endsWith('.whl')) half(response)
    else if (stall === 'before the index answers') arrive()
    else response.setHeader('content-type', 'text/html').end(`<a href="/${file}#sha256=${sha256}">${file}</a>`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    environment: {
      PIP_INDEX_URL: `http://127.0.0.1:${address.port}/simple`,
      PIP_EXTRA_INDEX_URL: '',
      PIP_FIND_LINKS: '',
      PIP_NO_INDEX: '',
      PIP_CONFIG_FILE: devNull,
      // pip outlives the set-up that is killed: it ends when it is hung up on.
      PIP_RETRIES: '0',
      NO_PROXY: '127.0.0.1',
      no_proxy: '127.0.0.1',
    },
    reached,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
