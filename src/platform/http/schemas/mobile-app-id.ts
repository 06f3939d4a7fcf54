import { z } from 'zod'

/** Bundle id or package name of a mobile app. */
export const mobileAppId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/)
  .meta({ description: 'Bundle id or package name of the app.', example: 'com.example.auth' })
