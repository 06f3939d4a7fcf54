/** The planner's statistics of our tables. */
export interface TableStatistics {
  /**
   * Refreshes the planner's statistics of tables that have grown past a hundred, a thousand or ten
   * thousand rows since the last refresh; connections then plan anew. Waits for nobody; cheap when
   * nothing is due.
   */
  refresh(): Promise<void>
}
