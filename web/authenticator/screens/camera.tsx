import { useEffect, useRef, useState } from 'preact/hooks'
import { openQrReader } from '../qr-reader.ts'
import { Note } from './parts.tsx'
import type { ScreenProps } from './use.ts'

const readEveryMs = 250

/** The picture of the camera, until it shows a QR code; each new text is passed on once. */
export function Camera({ app, onText }: ScreenProps & { readonly onText: (text: string) => void }) {
  const { add } = app.words.texts
  const video = useRef<HTMLVideoElement>(null)
  const [isRefused, setRefused] = useState(false)
  const passOn = useRef(onText)
  passOn.current = onText
  useEffect(() => {
    const { current: element } = video
    if (!element) return
    const stop = new AbortController()
    watch(element, stop.signal, (text) => passOn.current(text)).catch(() => {
      if (!stop.signal.aborted) setRefused(true)
    })
    return () => stop.abort()
  }, [])
  if (isRefused) return <Note kind="bad">{add.noCamera}</Note>
  return <video ref={video} aria-label={add.camera} muted playsInline />
}

async function watch(
  video: HTMLVideoElement,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  const end = () => {
    for (const track of stream.getTracks()) track.stop()
  }
  signal.addEventListener('abort', end)
  if (signal.aborted) return end()
  const read = await openQrReader()
  video.srcObject = stream
  await video.play()
  let last: string | null = null
  while (!signal.aborted) {
    const text = await read(video)
    if (text !== null && text !== last && !signal.aborted) onText(text)
    last = text ?? last
    await new Promise((resolve) => setTimeout(resolve, readEveryMs))
  }
}
