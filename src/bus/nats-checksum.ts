/**
 * A checksum of ours with each entry that is kept, over its subject and its bytes. The server has one of its own, but replicas that
 * differ have been seen behind it (protocol/pages/cluster.md): a reader is to notice by itself that it was given something else.
 */
import { crc32 } from 'node:zlib'

/** The header that carries it, as eight hex digits. An entry without it was written by somebody else, and is taken as it is. */
export const checksumHeader = 'Maggy-Sum'

export function checksumOf(subject: string, data: Uint8Array): string {
  return crc32(data, crc32(subject)).toString(16).padStart(8, '0')
}
