-- DropIndex
DROP INDEX "activities_waiting";

-- AlterTable
ALTER TABLE "activity_push_budgets" DROP CONSTRAINT "activity_push_budgets_pkey",
ADD COLUMN     "budget" TEXT NOT NULL DEFAULT 'ordinary',
ADD COLUMN     "gathered_at" TIMESTAMPTZ(6),
ADD CONSTRAINT "activity_push_budgets_pkey" PRIMARY KEY ("tenant_id", "user_id", "budget");

-- AlterTable
ALTER TABLE "deliveries" ADD COLUMN     "more" INTEGER;

-- CreateIndex
CREATE INDEX "activities_waiting" ON "activities"("tenant_id", "user_id", "id") WHERE (notice = 'waiting');
