internal import TestSupport

/// One seed's workload, the images of power cuts at some of its calls, and rot of what it leaves.
package struct CrashRun {
  /// What went wrong.
  package struct Failure: Error {
    package var message: String
    /// What was done with the disk, where that was asked for.
    package var calls: [String]
  }

  /// How much of a workload is looked at.
  private struct Plan {
    var steps: Int
    var keepsOneIn: Int
    /// How many images of a moment that has many.
    var samples: Int
    var rots: Int
  }

  /// How often the power is cut again while an image is looked at.
  private static let depth = 2

  private let notesCalls: Bool

  /// `notesCalls`: whether a failure tells what was done with the disk.
  package init(notesCalls: Bool = false) { self.notesCalls = notesCalls }

  /// Runs the workload of `seed` and returns how many images were checked.
  package func run(seed: UInt64) throws(Failure) -> Int {
    var random = TestRandom(seed: seed)
    // One in eight is short, and then every call and nearly every image is tried.
    let plan =
      seed.isMultiple(of: 8)
      ? Plan(steps: 1 + random.below(3), keepsOneIn: 1, samples: 40, rots: 100)
      : Plan(steps: 4 + random.below(24), keepsOneIn: 16, samples: 3, rots: 6)
    var workload = Workload(
      seed: random.next(), keepsOneIn: plan.keepsOneIn, notesCalls: notesCalls)
    do { try workload.run(steps: plan.steps) } catch {
      throw failure("while writing", error, workload.disk.calls)
    }
    var check = ImageCheck(seed: random.next(), notesCalls: notesCalls)
    for moment in workload.disk.takeMoments() {
      do {
        try check.check(
          moment, workload.expectations[moment.label], samples: plan.samples,
          depth: CrashRun.depth)
      } catch {
        throw failure(
          "power cut before call \(moment.call), image \(check.imageCount)", error,
          workload.disk.calls.prefix(moment.call) + ["power cut"] + (check.disk?.calls ?? []))
      }
    }
    var rot = RotCheck(
      workload.disk, workload.expectations.last?.entries ?? [], seed: random.next())
    do { try rot.run(samples: plan.rots) } catch { throw failure(rot.change, error, []) }
    return check.imageCount + rot.imageCount
  }

  private func failure(_ place: String, _ error: any Error, _ calls: [String]) -> Failure {
    Failure(message: "\(place): \((error as? Violation)?.what ?? "\(error)")", calls: calls)
  }
}
