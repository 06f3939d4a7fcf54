import { shownText } from '../platform/http/schemas/text.ts'

/** The key of RFC 7517, appendix A.1. */
export const coordinateExamples = {
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
}

/** Members of a public key in an answer. */
export const shownKeyMembers = {
  kty: shownText('EC'),
  crv: shownText('P-256'),
  x: shownText(coordinateExamples.x),
  y: shownText(coordinateExamples.y),
  kid: shownText('cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s', 'Its thumbprint (RFC 7638).'),
}
