import Foundation

/// A program that runs while the test talks to it.
///
/// Safe to share: what threads share is behind the condition.
final class Child: @unchecked Sendable {
  let process: pid_t

  private let errors: CInt
  private var input: CInt
  private let condition = NSCondition()
  private var received: [UInt8] = []
  private var taken = 0
  private var isOutputClosed = false
  private var status: Int32?

  init(
    _ program: Program, _ arguments: [String], environment: [String: String] = [:],
    directory: String? = nil
  ) throws {
    // A reader that has gone must not end the tests.
    ignoreClosedPipes()
    let toChild = try makePipe()
    let fromChild = try makePipe()
    errors = try makeUnnamedFile()
    input = toChild.writing
    process = try spawn(
      program.path, arguments, environment: Program.variables(environment),
      directory: directory, descriptors: (toChild.reading, fromChild.writing, errors))
    close(toChild.reading)
    close(fromChild.writing)
    let reading = fromChild.reading
    Thread.detachNewThread { [self] in receive(reading) }
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      _ = wait(for: process, within: 5)
    }
    if input >= 0 { close(input) }
    close(errors)
  }

  private func receive(_ descriptor: CInt) {
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let size = unsafe read(descriptor, &piece, piece.count)
      if size < 0, errno == EINTR { continue }
      condition.withLock {
        if size > 0 { received += piece[..<size] } else { isOutputClosed = true }
        condition.broadcast()
      }
      guard size > 0 else { break }
    }
    close(descriptor)
  }

  /// Writes text to the program's standard input; false when nobody reads it any more.
  @discardableResult
  func send(_ text: String) -> Bool { writeAll(Array(text.utf8), to: input) }

  /// Ends the program's standard input.
  func closeInput() {
    close(input)
    input = -1
  }

  /// The next line of output, or nil when it has ended or none came in time.
  func nextLine(within seconds: Double = 30) -> String? {
    let deadline = Date().addingTimeInterval(seconds)
    return condition.withLock {
      while true {
        if let end = received[taken...].firstIndex(of: 0x0A) {
          defer { taken = end + 1 }
          return String(decoding: received[taken..<end], as: UTF8.self)
        }
        guard !isOutputClosed, condition.wait(until: deadline) else { return nil }
      }
    }
  }

  func signal(_ number: CInt) { kill(process, number) }

  /// Whether the program has a handler for a signal.
  func catches(_ number: CInt) -> Bool {
    // "SigCgt:" and a mask in hexadecimal, as in proc(5).
    let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }
    let mask = line?.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } ?? 0
    return mask & 1 << UInt64(number - 1) != 0
  }

  /// Whether the program has read all that was sent.
  var hasReadInput: Bool {
    var waiting: CInt = 0
    return unsafe ioctl(input, UInt(FIONREAD), &waiting) == 0 && waiting == 0
  }

  /// Waits for the end and returns the status as `Ended` does, with all lines that were not taken.
  func end(within seconds: Double = 60) -> Ended {
    let code = status ?? wait(for: process, within: seconds)
    status = code
    let rest: [UInt8] = condition.withLock {
      let deadline = Date().addingTimeInterval(10)
      while !isOutputClosed, condition.wait(until: deadline) {}
      defer { taken = received.count }
      return Array(received[taken...])
    }
    return Ended(
      status: code, bytes: rest, errors: String(decoding: readAll(errors), as: UTF8.self))
  }
}
