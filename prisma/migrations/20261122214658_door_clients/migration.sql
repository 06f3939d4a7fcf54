-- CreateTable
CREATE TABLE "shown_numbers" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "integration_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "place" BYTEA NOT NULL,
    "number_sealed" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "shown_numbers_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "followed_challenges" (
    "tenant_id" TEXT NOT NULL,
    "challenge_id" TEXT NOT NULL,
    "integration_id" TEXT NOT NULL,
    "hold_ms" INTEGER NOT NULL,
    "answers" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "followed_challenges_pkey" PRIMARY KEY ("tenant_id","challenge_id")
);

-- CreateIndex
CREATE INDEX "shown_numbers_tenant_id_integration_id_user_id_idx" ON "shown_numbers"("tenant_id", "integration_id", "user_id");

-- CreateIndex
CREATE INDEX "shown_numbers_tenant_id_user_id_idx" ON "shown_numbers"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "shown_numbers_expires_at_idx" ON "shown_numbers"("expires_at");

-- CreateIndex
CREATE INDEX "followed_challenges_tenant_id_integration_id_idx" ON "followed_challenges"("tenant_id", "integration_id");

-- AddForeignKey
ALTER TABLE "shown_numbers" ADD CONSTRAINT "shown_numbers_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "shown_numbers" ADD CONSTRAINT "shown_numbers_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "followed_challenges" ADD CONSTRAINT "followed_challenges_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "followed_challenges" ADD CONSTRAINT "followed_challenges_tenant_id_challenge_id_fkey" FOREIGN KEY ("tenant_id", "challenge_id") REFERENCES "challenges"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
