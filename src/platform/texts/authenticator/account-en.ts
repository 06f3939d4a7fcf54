// One account, its devices and notifications.

export const accountEn = {
  title: '{user} at {tenant}',
  mayAnswer: 'It can approve sign-ins.',
  whyNot: {
    unconfirmed: 'It waits for its number.',
    suspended: 'This browser is suspended.',
    user_suspended: 'Your organisation has stopped your sign-ins.',
    push_locked: 'Sign-in by phone is locked.',
    app_too_old: 'This app is too old for your organisation. Load it again.',
    platform_retired: 'Your organisation does not accept browsers any more.',
    protocol_too_old: 'This app is too old for your organisation. Load it again.',
    companion: 'It belongs to another device.',
    no_verification_key: 'Your organisation asks for a fingerprint, a face or a PIN.',
    passkey_synced:
      'Your passkey is shared with other devices, which your organisation does not allow.',
    unknown: 'It cannot approve sign-ins at the moment.',
  },
  devices: 'Your devices',
  thisOne: 'This browser',
  lastUsed: 'Last used',
  never: 'Not yet',
  statuses: {
    unconfirmed: 'Not confirmed yet',
    active: 'Can approve sign-ins',
    suspended: 'Suspended',
    unregistered: 'Removed',
  },
  lostPhone: 'Lost a device?',
  lostWhat:
    'Remove it with another phone that asks for your fingerprint or PIN, on the page of your ' +
    'devices, or through your help desk.',
  /** What takes a passkey, and how to come by one. */
  noPasskey:
    'This browser has no passkey, so it cannot remove a lost phone, add one, or change or pause ' +
    'notifications. To set one up, remove this account and add it again with a new code.',
  lost: {
    button: 'Lost or stolen: remove it',
    title: 'Remove {device}?',
    what: {
      approve: 'It approves nothing from now on; answers on their way are refused.',
      codes: 'Codes that it opened for another phone become invalid.',
      companions: 'A watch that belongs to it ends with it.',
      back: 'It cannot be undone: to come back, it needs a new code.',
    },
    go: 'Remove it',
    done: '{device} was removed.',
  },
  addPhone: 'Add or change a phone',
  notifications: 'Notifications',
  pausedUntil: 'Paused until {time}.',
  notPaused: 'Not paused.',
  categories: {
    security: 'Security',
    devices: 'Devices',
    sign_in: 'Sign-ins',
    relying_party: 'Messages of applications',
  },
  ways: { push: 'Notification', in_app: 'In the app', off: 'Off' },
  save: 'Save',
  saved: 'Saved.',
  pause: {
    label: 'Pause all notifications',
    what: 'Requests still wait in the app: open it to answer them.',
    lengths: {
      hour: 'For an hour',
      workday: 'For 8 hours',
      day: 'For a day',
      week: 'For a week',
    },
    go: 'Pause',
    resume: 'End the pause',
  },
  pushes: 'Do notifications arrive?',
  noPush: 'None was sent yet. Without notifications, open the app to see requests.',
  pushStatuses: {
    queued: 'Waiting to be sent',
    sent: 'Sent',
    failed: 'Failed',
    suppressed: 'Held back',
  },
  remove: 'Remove this account',
  removeTitle: 'Remove {user} from this browser?',
  removeWhat:
    'This browser forgets its keys and can approve nothing any more. You need a new code to ' +
    'come back.',
  removeGo: 'Remove',
  removeAnyway: 'Forget it here anyway',
  removeUnsaid:
    'The service could not be reached, so it does not know yet. Remove this browser from your ' +
    'devices elsewhere, too.',
} as const
