import LedgerCore
import LedgerDrawing
import Testing

private let second: Int64 = 1_000_000
private let hour: Int64 = 3_600 * second

private func drawing(
  _ points: [StepPoint], to end: Int64, marks: [EventMark] = [], quantity: Quantity = .count
) -> String {
  TimelineDrawing(
    title: "host <a>", description: "a & b", from: 0, to: end,
    [.init("nodes", quantity, points, limits: [StepPoint(time: 0, value: 100)])], marks
  ).svg
}

/// The numbers behind a letter in the path of a class.
private func coordinates(_ svg: String, of name: String, _ letter: Character) -> [Double] {
  svg.split(separator: "\n").filter { $0.hasPrefix("<path class=\"\(name)\"") }.flatMap { line in
    line.split(separator: letter).dropFirst().compactMap { part in
      Double(part.prefix { $0.isNumber || $0 == "." || $0 == "-" })
    }
  }
}

@Suite("Drawings") struct DrawingTests {
  @Test("a title and a description that are escaped, both colour schemes, and a whole document")
  func document() {
    let svg = drawing([StepPoint(time: 0, value: 1)], to: hour)
    #expect(svg.contains("<title id=\"title\">host &lt;a&gt;</title>"))
    #expect(svg.contains("<desc id=\"desc\">a &amp; b</desc>"))
    #expect(svg.contains("prefers-color-scheme:dark"))
    #expect(svg.hasPrefix("<?xml") && svg.hasSuffix("</svg>\n"))
    #expect(svg == drawing([StepPoint(time: 0, value: 1)], to: hour))
  }

  @Test("a long history is thinned, and its extremes are not lost", arguments: [1, 7, 777, 99_999])
  func thins(place: Int) {
    let count = 100_000
    var points = (0..<count).map { StepPoint(time: Int64($0) * second, value: Int64(40 + $0 % 7)) }
    points[place].value = 100
    points[count - 1 - place / 2].value = 0
    let marks = points.indices.map { index in
      EventMark(
        time: points[index].time, sequence: Int64(index), cause: nil, type: .nodeCreated,
        text: "entry \(index)", isIneffective: false)
    }
    let svg = drawing(points, to: Int64(count) * second, marks: marks)
    #expect(svg.utf8.count < 200_000)
    let heights = coordinates(svg, of: "line", "V")
    // The panel is 88 pixels high from 64 on, and its axis ends at 100.
    #expect(heights.min() == 64 && heights.max() == 152)
    #expect(svg.contains("100000 entries"))
  }

  @Test("where nothing is, no line is drawn")
  func gaps() {
    let svg = drawing(
      [
        StepPoint(time: 0, value: 5), StepPoint(time: hour, value: nil),
        StepPoint(time: 3 * hour, value: 8),
      ], to: 4 * hour)
    #expect(svg.split(separator: "\n").count { $0.hasPrefix("<path class=\"line\"") } == 2)
  }

  @Test("values outside the interval are not drawn, but what held before is where a line begins")
  func clips() {
    let svg = TimelineDrawing(
      title: "t", description: "d", from: hour, to: 2 * hour,
      [.init("n", .count, [StepPoint(time: 0, value: 4), StepPoint(time: 3 * hour, value: 9)])],
      [
        EventMark(
          time: 0, sequence: 1, cause: nil, type: .nodeCreated, text: "e", isIneffective: false)
      ]
    ).svg
    #expect(svg.contains("M170 64H820"))
    #expect(!svg.contains("<circle"))
  }

  @Test(
    "axes are in units that people read",
    arguments: [
      (Quantity.millicores, 128_000, ["cores", ">100<", ">128 cores<"]),
      (.bytes, 64 << 30, ["GiB", ">60<"]), (.bytes, 20 << 40, ["TiB", ">20<"]),
      (.count, 3, [">1<", ">2<"]), (.bytes, Int64.max, ["EiB"]),
    ] as [(Quantity, Int64, [String])])
  func axes(quantity: Quantity, value: Int64, texts: [String]) {
    let svg = TimelineDrawing(
      title: "t", description: "d", from: 0, to: hour,
      [.init("n", quantity, [StepPoint(time: 0, value: value)])], []
    ).svg
    for text in texts { #expect(svg.contains(text), "\(text)") }
  }

  @Test(
    "time has round ticks",
    arguments: [
      (0 as Int64, second / 1_000, "00:00:00.000"), (0, 30 * second, ">00:00:10<"),
      (0, 3 * hour, ">00:30<"), (0, 24 * hour, ">12:00<"), (0, 24 * 10 * hour, ">1970-01-03<"),
      (0, 24 * 300 * hour, ">1970-03<"), (0, 24 * 4_000 * hour, ">1972<"),
      (Timestamp.minimum.microseconds, Timestamp.maximum.microseconds, ">2000<"),
      (5, 5, "UTC"),
    ])
  func timeAxis(start: Int64, end: Int64, label: String) {
    let svg = TimelineDrawing(title: "t", description: "d", from: start, to: end, [], []).svg
    #expect(svg.contains(label), "\(svg)")
  }

  @Test("entries: each with its cause, near ones as one, those without effect hollow")
  func marks() {
    func mark(
      _ time: Int64, _ sequence: Int64, _ cause: Int64?, _ isIneffective: Bool = false
    )
      -> EventMark
    {
      EventMark(
        time: time, sequence: sequence, cause: cause, type: .nodeCreated,
        text: "because <\(sequence)>", isIneffective: isIneffective)
    }
    let svg = drawing(
      [], to: 10 * hour,
      marks: [
        mark(0, 1, nil), mark(5 * hour, 2, 1, true), mark(9 * hour, 3, 2), mark(9 * hour, 4, 2),
      ])
    #expect(svg.contains("<title>because &lt;1&gt;</title>"))
    #expect(svg.contains(">#2 ← #1<"))
    #expect(svg.contains("<circle class=\"void\""))
    #expect(svg.contains("2 entries, sequences 3 to 4"))
    #expect(svg.contains(">node_created<") && svg.contains(">4 entries<"))
  }
}
