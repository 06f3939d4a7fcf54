import { render } from 'preact'
import { createApp } from './app.ts'
import { keepOffline } from './keep-offline.ts'
import { Screen } from './screens/screen.tsx'

const app = await createApp()
const place = document.getElementById('app')
if (place) render(<Screen app={app} />, place)
await app.start()
keepOffline()
