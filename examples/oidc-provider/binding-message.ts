/**
 * Short, on one line, without anything that a phone could display differently from how it was
 * written.
 */
const shape = /^[A-Za-z0-9 ._+/!?#:,-]{1,64}$/
const digitsMin = 6
const digitsMax = 8

/**
 * The digits of a CIBA binding message, which become the number that the user types: 6 to 8 digits,
 * delimited by anything but digits, and the only such group. Undefined when there are none, so that
 * a client cannot get a weaker sign-in by omitting them.
 */
export function digitsIn(bindingMessage: unknown): string | undefined {
  if (typeof bindingMessage !== 'string' || !shape.test(bindingMessage)) return undefined
  const long = (bindingMessage.match(/\d+/g) ?? []).filter(({ length }) => length >= digitsMin)
  const [digits] = long
  return long.length === 1 && digits && digits.length <= digitsMax ? digits : undefined
}
