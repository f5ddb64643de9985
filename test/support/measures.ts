/** What a process serves to Prometheus, read by name. test/interop has Prometheus's own parser read the same. */

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

interface Measures {
  readonly samples: readonly Sample[]
  /** Of the first sample with these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined
}

export async function readMeasures(url: string): Promise<Measures> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`)
  const samples = text.split('\n').flatMap((line): Sample[] => {
    const [, name = '', labels = '', value = ''] = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === '') return []
    const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key = '', of = '']) => [key, of] as const)
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }]
  })
  return {
    samples,
    value: (name, wanted = {}) =>
      samples.find(
        (sample) =>
          sample.name === name && Object.entries(wanted).every(([label, value]) => sample.labels[label] === value),
      )?.value,
  }
}
