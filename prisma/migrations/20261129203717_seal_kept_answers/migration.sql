-- AlterTable
ALTER TABLE "answers" ADD COLUMN     "jws_sealed" BYTEA;

-- CreateIndex
CREATE INDEX "answers_in_plain" ON "answers"("tenant_id", "challenge_id") WHERE (jws is not null);
