import util from 'node:util'

/**
 * Puts back what tfjs-node 4.22 calls of node:util and what Node 23 and later took out. Call it before tfjs-node is loaded;
 * calling it again, or where nothing is missing, changes nothing.
 */
export function restoreLegacyUtil(): void {
  const table = util as unknown as Record<string, unknown>
  for (const [name, test] of Object.entries(legacy)) table[name] ??= test
}

const legacy: Readonly<Record<string, (value: unknown) => boolean>> = {
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNull: (value) => value === null,
  isUndefined: (value) => value === undefined,
  isArray: Array.isArray,
  isString: (value) => typeof value === 'string',
  isNumber: (value) => typeof value === 'number',
  isBoolean: (value) => typeof value === 'boolean',
  isFunction: (value) => typeof value === 'function',
  isObject: (value) => value !== null && typeof value === 'object',
}
