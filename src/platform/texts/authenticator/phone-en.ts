// The next phone, with this browser as the page that shows code and number.

export const phoneEn = {
  title: 'Add or change a phone',
  what: 'On the new phone, open this app or that of your organisation, and add an account.',
  replaces: 'Which device does it replace?',
  replacesHint: 'That one is removed as soon as the new phone is confirmed.',
  thisOne: 'This browser',
  none: 'None: I keep them all',
  go: 'Show the code',
  scanTitle: 'Scan this with the new phone',
  scanWhat: 'The code works once, until {time}. Show it to nobody else.',
  picture: 'QR code',
  typed: 'Or type this code there, with your user name and the organisation {tenant}:',
  waiting: 'Waiting for the new phone …',
  numberTitle: 'Type this number on the new phone',
  numberWhat: 'If no phone of yours asks for it, close this: somebody else has the code.',
  addedTitle: 'The phone is added',
  added: 'It approves sign-ins of {user} from now on.',
  movedTitle: 'The new phone has taken over',
  moved: 'It approves sign-ins of {user} from now on, and this browser does not any more.',
  overTitle: 'The code is not valid any more',
  over: 'No phone was added by it. Start again if you still want to add one.',
} as const
