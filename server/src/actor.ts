/** Who asks. */
export interface Actor {
  /** In provenance and timeline. */
  name: string;
  /** May bring a model's files through the data plane. */
  isAdmin: boolean;
}
