package import LedgerPorts

extension FleetStory {
  /// What makes the pools of `base` those of a program that counts workers by what each entry adds, with one mistake.
  package func changes(of fault: InjectedFault, _ base: Observation) -> [LiveChange] {
    let scaling = scalings[fault.step]
    guard let before = base.pools.first(where: { $0.name == scaling.pool }) else { return [] }
    var after = before
    let times: Int64 = fault.kind == .poolDuplicated ? 1 : -1
    let missesNumber = fault.kind == .poolPartial && fault.choice % 2 == 0
    let missesWorkers = fault.kind == .poolPartial && !missesNumber
    if !missesNumber { after.workers += times * scaling.workers }
    if !missesWorkers { after.lastIssued += times * scaling.lastIssued }
    return before == after ? [] : [.pool(before: before, after: after)]
  }
}
