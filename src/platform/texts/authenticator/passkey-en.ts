// The passkey that is offered with a new account.

export const passkeyEn = {
  title: 'Approve with your fingerprint, face or PIN?',
  what:
    'With a passkey, this browser asks for your fingerprint, your face or a PIN each time you ' +
    'approve. They stay on your device.',
  without:
    'Without one, this browser cannot approve sign-ins that ask for them, nor remove a lost ' +
    'phone. It cannot be added later.',
  external:
    'This device seems to have none of them set up. A security key with a PIN, or your phone, ' +
    'works as well.',
  setUp: 'Set up a passkey',
  skip: 'Skip',
  notSetUp:
    'No passkey was set up: that was cancelled, took too long, or cannot be done here. Try ' +
    'again, or go on without.',
  useTitle: 'Now use it once',
  useWhat: 'The passkey is there. Using it once shows your organisation that it works.',
  use: 'Use the passkey',
  goOnWithout: 'Go on without a passkey',
  synced:
    'Your organisation does not accept passkeys that are copied to your other devices. Set up ' +
    'one on a security key, or go on without.',
  impossible:
    'This browser can have no passkey at this address, so it cannot approve sign-ins that ask ' +
    'for a fingerprint, a face or a PIN.',
} as const
