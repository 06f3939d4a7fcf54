// Whether this browser is woken, in its settings.

export const alertsEn = {
  title: 'Notifications',
  what: 'They tell you that a request waits while this app is closed, and not what it is about.',
  turnOn: 'Turn on notifications',
  again: 'Turn on again',
  turnOff: 'Turn off notifications',
  notNow: 'Not now',
  busy: 'One moment …',
  standings: {
    on: 'This browser notifies you, for every account in it.',
    off: 'They are off: open the app to see requests.',
    denied:
      'The browser does not allow them. Allow notifications of this page in the settings of ' +
      'the browser, then open the app again.',
    unsupported: 'This browser has none: open the app to see requests.',
    failed:
      'The push service of this browser did not answer. Try again later; until then, open the ' +
      'app to see requests.',
  },
  installFirst: 'Put this app on your home screen first, and turn them on there.',
} as const
