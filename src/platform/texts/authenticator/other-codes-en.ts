// Codes of other services that the browser keeps, in English.

export const otherCodesEn = {
  title: 'Codes of other services',
  kept:
    'They are in this browser alone. If it loses them, those services have to let you in ' +
    'another way.',
  add: 'Add a code of another service',
  key: 'Setup key',
  keyHint: 'Letters and digits that the service shows, or an address that begins with otpauth://.',
  name: 'Name of the service and account',
  go: 'Add',
  unreadable: 'That is no key for codes that change with the time.',
  remove: 'Remove',
  removeTitle: 'Remove this code?',
  removeWhat: 'This browser forgets its key. Turn the codes off at the service first.',
} as const
