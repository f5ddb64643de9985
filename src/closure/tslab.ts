/** Where tslab's kernel keeps the variables of all cells. */

/** undefined: this process is none. */
export function tslabVariables(): Readonly<Record<string, unknown>> | undefined {
  const kernel = Reflect.get(globalThis, '__tslab__') as
    { readonly exports: Readonly<Record<string, unknown>> } | undefined
  return kernel?.exports
}
