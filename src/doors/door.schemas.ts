import { z } from 'zod'
import { plainTypedText } from '../domain/typed-text.ts'
import { showable } from '../platform/http/schemas/text.ts'

// RADIUS servers and shells fill in what they have, and send an empty text for the rest.
const absent = z.literal('')

export const waitQuestion = z
  .strictObject({
    username: z.string().max(255).meta({
      description: 'The user as the client names them; mapped by `userNames`.',
      example: 'ada',
    }),
    number: z
      .string()
      .max(64)
      .overwrite(plainTypedText)
      .regex(/^[0-9]{6,8}$/)
      .exactOptional()
      .meta({
        description: 'Fresh digits that the person sees at the client and types on the device.',
        example: '483920',
      }),
    message: showable(140, {
      description:
        'What the person sees at the client; without `number`, its one run of 6 to 8 ' +
        'digits is the number.',
      example: 'Type 483920 on your phone',
    }).exactOptional(),
    ip: z
      .union([z.ipv4(), z.ipv6(), absent])
      .exactOptional()
      .meta({
        description:
          'Where the person signs in from, as the client itself saw it. Shown, and who ' +
          'starts the sign-in: without it all sign-ins of the relying party are one ' +
          'initiator.',
        example: '203.0.113.7',
      }),
    action: showable(140, { description: 'What is to be approved.', example: 'Sign in' })
      .default('Sign in')
      .meta({ example: 'Sign in' }),
    host: z
      .union([
        showable(255, {
          description: 'Which machine or network is signed in to.',
          example: 'bastion-1',
        }),
        absent,
      ])
      .exactOptional(),
  })
  .refine(
    ({ number, message }) => number === undefined || message === undefined,
    'must give number or message, not both: the person could be shown other digits than ' +
      'are asked for',
  )
  .meta({
    id: 'WaitQuestion',
    description: 'One question to one user, asked by a client that waits for the end.',
    example: { username: 'ada', number: '483920', ip: '203.0.113.7' },
  })

export const deniedBody = z
  .object({
    'Reply-Message': z.string().meta({ example: 'The sign-in was denied.' }),
  })
  .meta({
    id: 'DeniedSignIn',
    description: 'What FreeRADIUS (rlm_rest) shows the person: RFC 2865, 5.18.',
  })

/**
 * Keycloak adds further parameters of the client to these, so unknown members are no error; they
 * are not read.
 */
export const keycloakQuestion = z
  .looseObject({
    login_hint: z.string().max(255).meta({
      description: 'The name of the user in the realm; mapped by `userNames`.',
      example: 'ada',
    }),
    binding_message: z
      .string()
      .regex(/^[a-zA-Z0-9-._+/!?#]{1,50}$/)
      .nullish()
      .meta({
        description:
          'What the person sees at the client; its one run of 6 to 8 digits is the number.',
        example: 'Login-483920',
      }),
  })
  .meta({
    id: 'KeycloakQuestion',
    description: 'What the authentication channel of Keycloak sends.',
    example: { login_hint: 'ada', binding_message: 'Login-483920', is_consent_required: false },
  })

export const keycloakAccepted = z
  .object({})
  .meta({ id: 'KeycloakAccepted', description: 'Nothing but that the question is asked.' })
