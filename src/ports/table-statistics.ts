/** What the database's planner knows of our tables. */
export interface TableStatistics {
  /**
   * Tells the planner of tables that have grown past a hundred, a thousand or ten thousand rows
   * since it was told last; connections then plan anew. Waits for nobody; cheap when nothing is
   * due.
   */
  refresh(): Promise<void>
}
