import { Sheet } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** Names what a report does before it is sent. */
export function ReportSheet({
  app,
  title,
  onReport,
  onClose,
}: ScreenProps & {
  readonly title?: string
  readonly onReport: () => void
  readonly onClose: () => void
}) {
  const { report, cancel } = app.words.texts
  const { deny, lock, desk } = report.what
  return (
    <Sheet title={title ?? report.title} onClose={onClose}>
      <ul>
        {title === undefined && <li>{deny}</li>}
        <li>{lock}</li>
        <li>{desk}</li>
      </ul>
      <div class="row">
        <button type="button" class="danger" onClick={onReport}>
          {report.go}
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          {cancel}
        </button>
      </div>
    </Sheet>
  )
}
