/** Whether a subject fits a pattern with the wildcards `*` (one token) and `>` (one or more at the end). */
export function subjectMatches(pattern: string, subject: string): boolean {
  if (pattern === subject) return true
  const wanted = pattern.split('.')
  const given = subject.split('.')
  for (const [index, part] of wanted.entries()) {
    if (part === '>') return given.length > index
    const value = given[index]
    if (value === undefined || (part !== '*' && part !== value)) return false
  }
  return wanted.length === given.length
}
