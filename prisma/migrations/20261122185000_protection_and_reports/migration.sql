-- AlterTable
ALTER TABLE "challenges" ADD COLUMN     "budget_key" TEXT NOT NULL DEFAULT 'others',
ADD COLUMN     "initiator_key" TEXT,
ADD COLUMN     "suppressed" TEXT;

-- CreateTable
CREATE TABLE "user_protections" (
    "tenant_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "wrong_numbers_in_row" INTEGER NOT NULL DEFAULT 0,
    "wrong_numbers_since_success" INTEGER NOT NULL DEFAULT 0,
    "locked_until" TIMESTAMPTZ(6),
    "hard_locked_at" TIMESTAMPTZ(6),
    "reported_until" TIMESTAMPTZ(6),
    "paused_until" TIMESTAMPTZ(6),
    "suspended_at" TIMESTAMPTZ(6),
    "revision" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "user_protections_pkey" PRIMARY KEY ("tenant_id","user_id")
);

-- CreateTable
CREATE TABLE "initiators" (
    "tenant_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "pushes" JSONB NOT NULL DEFAULT '[]',
    "pending" JSONB NOT NULL DEFAULT '{}',
    "unanswered" INTEGER NOT NULL DEFAULT 0,
    "denied_at" TIMESTAMPTZ(6),
    "approved_at" TIMESTAMPTZ(6),
    "blocked_until" TIMESTAMPTZ(6),
    "revision" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "initiators_pkey" PRIMARY KEY ("tenant_id","user_id","key")
);

-- CreateTable
CREATE TABLE "reports" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "challenge_id" TEXT,
    "activity_id" TEXT,
    "status" TEXT NOT NULL DEFAULT 'open',
    "resolution" TEXT,
    "note" TEXT,
    "resolved_by" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "resolved_at" TIMESTAMPTZ(6),

    CONSTRAINT "reports_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "reports_open" ON "reports"("tenant_id", "id") WHERE (status = 'open');

-- AddForeignKey
ALTER TABLE "user_protections" ADD CONSTRAINT "user_protections_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "initiators" ADD CONSTRAINT "initiators_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "reports" ADD CONSTRAINT "reports_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "user_protections" ADD CONSTRAINT "user_protections_wrong_numbers_in_row_check" CHECK (wrong_numbers_in_row >= 0 and wrong_numbers_since_success >= wrong_numbers_in_row);
ALTER TABLE "reports" ADD CONSTRAINT "reports_status_check" CHECK ((status = 'resolved') = (resolved_at is not null));
ALTER TABLE "reports" ADD CONSTRAINT "reports_status_check1" CHECK (status in ('open', 'resolved'));
ALTER TABLE "reports" ADD CONSTRAINT "reports_resolution_check" CHECK (resolution in ('fraud', 'false_alarm'));


-- Every user has one.
INSERT INTO "user_protections" ("tenant_id", "user_id") SELECT "tenant_id", "id" FROM "users";
