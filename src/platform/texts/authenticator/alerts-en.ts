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
  doctor: {
    advice: {
      enable_notifications:
        'This account has no notifications yet. Turn them on again in the settings.',
      token_stale: 'They do not reach this browser any more. Turn them on again in the settings.',
      provider_down:
        'The push service does not take them at the moment. Until it does, open the app to see ' +
        'requests.',
      never_received:
        'They are sent and do not arrive. Look for power saving and for “do not disturb” in the ' +
        'settings of the device.',
    },
    received: 'Arrived',
    test: 'Send a test notification',
    waiting: 'Waiting for it …',
    arrived: 'The test has arrived.',
    notArrived: 'The test has not arrived.',
  },
  installFirst: 'Put this app on your home screen first, and turn them on there.',
} as const
