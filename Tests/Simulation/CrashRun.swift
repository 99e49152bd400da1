internal import TestSupport

/// One seed's workload, and the images of power cuts at some of its calls.
package struct CrashRun {
  /// What went wrong.
  package struct Failure: Error {
    package var message: String
  }

  private static let samples = 6
  /// How often the power is cut again while an image is looked at.
  private static let depth = 2

  package init() {}

  /// Runs the workload of `seed` and returns how many images were checked.
  package func run(seed: UInt64) throws(Failure) -> Int {
    var random = TestRandom(seed: seed)
    var workload = Workload(seed: random.next(), keepsOneIn: 4)
    do { try workload.run(steps: 4 + random.below(24)) } catch {
      throw Failure(message: "while writing: \(CrashRun.words(error))")
    }
    var check = ImageCheck(seed: random.next())
    for moment in workload.disk.takeMoments() {
      do {
        try check.check(
          moment, workload.expectations[moment.label], samples: CrashRun.samples,
          depth: CrashRun.depth)
      } catch {
        throw Failure(
          message: "power cut before call \(moment.call), image \(check.imageCount): "
            + CrashRun.words(error))
      }
    }
    return check.imageCount
  }

  private static func words(_ error: any Error) -> String {
    (error as? Violation)?.what ?? "\(error)"
  }
}
