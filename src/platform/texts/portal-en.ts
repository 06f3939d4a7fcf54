// The texts of the portal beyond its devices, in English; part of en.ts.

import { activitiesEn } from './activities-en.ts'

export const portalTexts = {
  back: 'Back to your devices',
  /** What /me links to. */
  places: {
    title: 'More',
    phones: 'Add a phone',
    signIns: 'Sign-ins',
    activities: 'Everything that happened',
    notifications: 'Notifications and pause',
    codes: 'Recovery codes',
    data: 'My data',
  },
  /** What a session that a device opened says of itself. */
  limited:
    'You signed in with a device. So you can look, and suspend or unregister devices. For ' +
    'everything else, ask your organisation for a link.',
  entrance: {
    title: 'Sign in to your devices',
    about:
      'For users of {tenant}. Approve it on one of your devices: then you can see your devices ' +
      'and sign-ins, and suspend or unregister a device.',
    name: 'User name',
    go: 'Ask my devices',
    needs:
      'A device is asked when you have had it for a day, and it confirms with your face, finger ' +
      'or PIN. Otherwise, and for everything else, ask {tenant} for a link.',
    /** What the device shows. */
    action: 'See and end your devices in a browser',
    waiting: 'Approve it on your device',
    waitingWhat: 'Open the app on your device, and type this number there:',
    until: 'This page waits until {time}, and updates itself.',
    noAnswer:
      'Nothing arrives? Open the app yourself. This page does not say whether the name is right.',
    again: 'Start again',
    approved: 'It is approved',
    enter: 'Continue to your devices',
    over: 'It was not approved in time',
    overWhat: 'Start again, or ask your organisation for a link.',
  },
  wasNotMe: 'This wasn’t me',
  older: 'Older ones',
  none: 'There is nothing yet.',
  newest: {
    title: 'Is this you?',
    about: 'The newest sign-in that you were asked about:',
  },
  signIns: {
    title: 'Sign-ins',
    about: 'What you were asked to approve by the application that sent you here.',
    application: 'For',
    action: 'What',
    location: 'Where',
    ip: 'Network address',
    userAgent: 'Browser',
    payment: 'Payment',
    payee: 'To',
    when: 'When',
    outcome: 'Outcome',
    device: 'Device',
    statuses: {
      pending: 'Waits for an answer',
      approved: 'Approved',
      denied: 'Not approved',
      expired: 'Nobody answered in time',
      cancelled: 'Called off',
    },
  },
  activities: {
    title: 'Everything that happened',
    about: 'What was done with your account here, and what applications say about it.',
    by: 'By',
    claim: '{name} says:',
    actors: {
      device: 'one of your devices',
      portal: 'you, on these pages',
      api_key: 'an application of your organisation',
      integration: 'an application of your organisation',
      operator: 'your organisation',
      service: 'this service',
    },
    types: activitiesEn,
  },
  report: {
    title: 'Was this not you?',
    what:
      'If you report it, what waits for an answer is called off, sign-ins by push are locked for ' +
      'a while, and your organisation looks into it. You can still sign in with a code.',
    go: 'Report that it was not me',
    stay: 'It was me: go back',
    done: 'It is reported',
    next:
      'Your organisation sees the report. Change your password from a device that you trust, and ' +
      'unregister each device that is not yours.',
  },
  settings: {
    title: 'Settings of {name}',
    link: 'Rename, suspend or test {name}',
    suspendLink: 'Suspend {name}',
    name: 'Name',
    rename: 'Save the name',
    suspendTitle: 'Suspend it',
    suspendWhat:
      'Until your organisation makes it active again it can approve nothing, and answers on ' +
      'their way are refused. Nothing is asked on it. Unregister it if it will not come back.',
    suspend: 'Suspend this device',
    suspended:
      'It is suspended: it can approve nothing. Ask the help desk of your organisation to make ' +
      'it active again.',
    testTitle: 'Test its notifications',
    test: 'Send a test notification',
    lastTest: 'The last test, at {time}: {status}',
    tests: {
      queued: 'is being sent',
      sent: 'was sent; look at the device',
      failed: 'could not be sent',
      suppressed: 'was held back',
    },
    advice: {
      enable_notifications: 'Allow the app to send notifications, in the settings of the device.',
      token_stale: 'Open the app once: it then registers for notifications again.',
      provider_down: 'The push service does not take messages at the moment. Wait a while.',
      never_received: 'Nothing arrives. Turn off battery saving for the app, and open it once.',
      clock_off: 'Let the device set its clock by itself.',
    },
  },
  stepUp: {
    title: 'First a code',
    what:
      'A code shows that it is you: from the app, one of your recovery codes, or one from the ' +
      'help desk. Or open a new link, and come back here within five minutes.',
    code: 'Code',
    go: 'Continue',
  },
  phones: {
    title: 'Add a phone',
    what: 'Install the app of your organisation on the new phone first.',
    replaces: 'Which device does it replace?',
    keep: 'None: I keep them all',
    go: 'Show the code',
    scan: 'Scan this code',
    scanWhat:
      'Open the app on the new phone, choose to add an account, and scan this. The code works ' +
      'once, until {time}.',
    picture: 'QR code',
    typed: 'Or type this code there, with your user name:',
    next: 'I have scanned or typed it',
    waiting: 'Waiting for the phone',
    waitingWhat: 'This page updates itself.',
    number: 'Type this number on the phone',
    numberWhat: 'The phone asks for it. Show it to nobody.',
    done: 'The phone is added',
    doneWhat: 'It can approve your sign-ins from now on. Try it at your next sign-in.',
    over: 'The code is not valid any more',
    overWhat: 'No phone was added by it. Start again if you still want to add one.',
    again: 'Start again',
    cancel: 'Cancel',
  },
  notifications: {
    title: 'Notifications and pause',
    categories: {
      security: 'Security: locks, reports, wrong numbers',
      devices: 'Devices that come, go or change',
      sign_in: 'Sign-ins',
      relying_party: 'What applications tell you',
    },
    channels: {
      push: 'Notify me at once',
      in_app: 'Only list it in the app',
      off: 'Do not show it',
    },
    save: 'Save',
    pauseTitle: 'Pause all notifications',
    pauseWhat: 'Sign-ins still wait in the app: open it to answer them.',
    pausedUntil: 'Notifications are paused until {time}.',
    resume: 'Resume notifications',
    hours: { one: 'Pause for {hours} hour', other: 'Pause for {hours} hours' },
    days: { one: 'Pause for {days} day', other: 'Pause for {days} days' },
  },
  codes: {
    title: 'Recovery codes',
    what: 'Each lets you sign in once when no device is at hand. Keep them on paper.',
    left: { one: 'You have {left} unused code.', other: 'You have {left} unused codes.' },
    makes: 'New codes make the former ones invalid.',
    go: 'Make new codes',
    made: 'Your new recovery codes',
    once: 'They are shown this once. Print them or write them down before you leave this page.',
    copy: 'Copy',
    print: 'Print',
    kept: 'I have kept them',
    changed: 'Newer codes were made meanwhile',
    changedWhat:
      'Perhaps the button was pressed twice. If you did not see them, make new ones once more.',
    again: 'To the codes',
  },
  data: {
    title: 'My data',
    copy: 'A copy',
    copyWhat: 'Everything that is stored about you here, as a file (JSON).',
    download: 'Download it',
    erasure: 'Erasure',
    erasureWhat:
      'You can ask to be erased. Your organisation decides about it; nothing is erased at once, ' +
      'and you go on signing in until then.',
    ask: 'Ask to be erased',
    asked: 'Your request is recorded',
    askedWhat: 'You asked at {time}. Your organisation will contact you about it.',
  },
} as const
