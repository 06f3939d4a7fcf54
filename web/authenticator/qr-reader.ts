// Reads QR codes in a picture: by the browser where it can, else by a library that is loaded then.

/** The text of a QR code in the picture; null for none. */
export type QrReader = (video: HTMLVideoElement) => Promise<string | null>

type Detector = {
  detect(source: HTMLVideoElement): Promise<readonly { readonly rawValue: string }[]>
}
type Detectors = {
  new (options: { readonly formats: readonly string[] }): Detector
  getSupportedFormats(): Promise<readonly string[]>
}

const widthMax = 800

/** The best reader of this browser. */
export async function openQrReader(): Promise<QrReader> {
  const { BarcodeDetector } = globalThis as { readonly BarcodeDetector?: Detectors }
  const formats = await BarcodeDetector?.getSupportedFormats().catch((): string[] => [])
  if (BarcodeDetector && formats?.includes('qr_code')) {
    const detector = new BarcodeDetector({ formats: ['qr_code'] })
    return async (video) => (await detector.detect(video).catch(() => []))[0]?.rawValue ?? null
  }
  return openLibrary()
}

async function openLibrary(): Promise<QrReader> {
  const { default: library } = await import('jsqr')
  const { default: readPixels } = library
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d', { willReadFrequently: true })
  return async (video) => {
    if (!context || video.videoWidth === 0) return null
    const scale = Math.min(1, widthMax / video.videoWidth)
    canvas.width = Math.floor(video.videoWidth * scale)
    canvas.height = Math.floor(video.videoHeight * scale)
    context.drawImage(video, 0, 0, canvas.width, canvas.height)
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height)
    return readPixels(data, width, height)?.data ?? null
  }
}
