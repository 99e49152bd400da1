internal import LedgerCore
package import LedgerPorts
package import LedgerText

/// Why input could not be taken, with the line.
package enum InputFailure: Error, Hashable, Sendable {
  case source(SourceError)
  case malformed(line: Int64, FactError)
}

/// Facts from a source of NDJSON or CSV, line by line.
package struct FactStream {
  package enum Format: Sendable {
    case ndjson
    case csv
  }

  private var lines: LineSplitter
  private let format: Format
  private var reader = FactReader()
  private var csv = CSVReader()
  /// A record of CSV that goes over several lines.
  private var record: [UInt8] = []
  /// The number of the last line that was read, from 1.
  package private(set) var line: Int64 = 0
  package private(set) var blankCount = 0
  /// Whether the last line was read, or one that cannot be.
  package private(set) var hasEnded = false

  package init(_ source: any ByteSource, _ format: Format) {
    lines = LineSplitter(source)
    self.format = format
  }

  package var label: String { lines.source.label }
  package var byteCount: Int64 { lines.byteCount }
  package var ignoredFields: IgnoredFields {
    format == .ndjson ? reader.ignoredFields : csv.ignoredFields
  }

  /// Whether another line can be had without waiting.
  package mutating func hasLine() -> Bool { lines.hasLine() }

  /// Reads the next line that is not blank; nil at the end.
  ///
  /// A single fact is put into `item`.
  package mutating func next(into item: inout FactItem) throws(InputFailure) -> FactLine? {
    do throws(InputFailure) {
      let line = try nextLine(into: &item)
      hasEnded = line == nil
      return line
    } catch {
      hasEnded = true
      throw error
    }
  }

  private mutating func nextLine(
    into item: inout FactItem
  ) throws(InputFailure) -> FactLine? {
    while true {
      let range: Range<Int>?
      do throws(LineSplitter.Failure) { range = try lines.next() } catch {
        switch error {
        case .source(let source): throw .source(source)
        case .tooLong:
          line += 1
          throw .malformed(
            line: line,
            FactError(
              .tooLong, column: 1,
              "the line is longer than \(LineSplitter.lineByteCountMax) bytes"))
        }
      }
      guard let range else {
        guard record.isEmpty else {
          throw .malformed(
            line: line, FactError(.malformedCSV, column: 1, "the last quote is not closed"))
        }
        return nil
      }
      line += 1
      let read: FactLine
      do throws(FactError) {
        read = try format == .ndjson ? readJSON(range, into: &item) : readCSV(range, into: &item)
      } catch { throw .malformed(line: line, error) }
      guard case .blank = read else { return read }
      blankCount += 1
    }
  }

  private mutating func readJSON(
    _ range: Range<Int>, into item: inout FactItem
  ) throws(FactError) -> FactLine {
    let buffer = lines.buffer
    return try reader.read(buffer.span, range, into: &item)
  }

  private mutating func readCSV(
    _ range: Range<Int>, into item: inout FactItem
  ) throws(FactError) -> FactLine {
    record.append(contentsOf: lines.buffer[range])
    let quotes = record.count { $0 == 0x22 }
    guard quotes.isMultiple(of: 2) else {
      // Inside quotes a line feed belongs to the record.
      guard record.count <= LineSplitter.lineByteCountMax else {
        throw FactError(.tooLong, column: 1, "the record is too long")
      }
      record.append(0x0A)
      return .blank
    }
    if record.last == 0x0D { record.removeLast() }
    let whole = record
    record.removeAll(keepingCapacity: true)
    guard csv.hasHeader else {
      try csv.readHeader(whole.span, 0..<whole.count)
      return .blank
    }
    return try csv.read(whole.span, 0..<whole.count, into: &item)
  }
}
