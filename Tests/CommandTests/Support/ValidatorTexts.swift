/// What `resource-validator` prints, as the guide to resource tracking has it.
enum ValidatorTexts {
  static func dryRun(nodes: Int, hosts: Int) -> String {
    """
    === DRY RUN RESULTS ===
    Would repair:
      \(nodes) node resource inconsistencies
      \(hosts) host counter inconsistencies

    To actually apply these repairs, run:
      resource-validator repair --apply

    """
  }

  static func repaired(nodes: Int, hosts: Int) -> String {
    """
    === REPAIR RESULTS ===
    Successfully repaired:
      \(nodes) node resource inconsistencies
      \(hosts) host counter inconsistencies

    ✅ Resource tracking inconsistencies have been fixed!

    """
  }
}
