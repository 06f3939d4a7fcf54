-- AlterTable
ALTER TABLE "users" ADD COLUMN     "erasing_since" TIMESTAMPTZ(6);

-- CreateIndex
CREATE INDEX "users_erasing" ON "users"("erasing_since") WHERE (erasing_since is not null);
