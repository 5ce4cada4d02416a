@tool
extends RefCounted
## Numbers as people read them: times, sizes, rates, and round ticks for axes.

const SIZES: PackedStringArray = ["B", "KiB", "MiB", "GiB"]


## "1 operator", "2 operators".
static func number_of(number: int, noun: String) -> String:
	return "%d %s%s" % [number, noun, "" if number == 1 else "s"]


## "840 ns", "12.3 µs", "4.56 ms", "1.20 s".
static func time(us: float) -> String:
	var length: float = absf(us)
	if is_zero_approx(length):
		return "0"
	if length < 0.9995:
		return "%d ns" % roundi(us * 1000.0)
	if length < 999.5:
		return "%s µs" % digits(us)
	if length < 999_500.0:
		return "%s ms" % digits(us / 1000.0)
	return "%s s" % digits(us / 1_000_000.0)


## All that is known of a time: "4,563.217 µs".
static func exact_time(us: float) -> String:
	var ns: int = roundi(absf(us) * 1000.0)
	@warning_ignore("integer_division")
	return "%s%s.%03d µs" % ["-" if us < 0.0 and ns > 0 else "", grouped(ns / 1000), ns % 1000]


static func size(bytes: float) -> String:
	var unit: int = 0
	var number: float = bytes
	while absf(number) >= 1024.0 and unit < SIZES.size() - 1:
		number /= 1024.0
		unit += 1
	return "%d B" % int(bytes) if unit == 0 else "%s %s" % [digits(number), SIZES[unit]]


static func exact_size(bytes: int) -> String:
	return size(bytes) if bytes < 1024 else "%s (%s B)" % [size(bytes), grouped(bytes)]


static func percent(share: float) -> String:
	return "%s%%" % digits(share * 100.0)


static func rate(per_second: float) -> String:
	return "%s/s" % (grouped(roundi(per_second)) if per_second >= 1000.0 else digits(per_second))


## "3", or "2.50" where it is not a whole number.
static func count(number: float) -> String:
	return grouped(int(number)) if number == floorf(number) else digits(number)


## Three significant digits.
static func digits(number: float) -> String:
	var length: float = absf(number)
	if length >= 99.95:
		return "%d" % roundi(number)
	if length >= 9.995:
		return "%.1f" % number
	return "%.2f" % number


## "1,234,567".
static func grouped(number: int) -> String:
	var plain: String = str(absi(number))
	var result: String = ""
	for index: int in plain.length():
		if index > 0 and (plain.length() - index) % 3 == 0:
			result += ","
		result += plain[index]
	return ("-" if number < 0 else "") + result


## Distance between ticks, 1, 2 or 5 times a power of ten, for at most `most` of them over `span`.
static func tick_step(span: float, most: int) -> float:
	if span <= 0.0 or most < 1:
		return 1.0
	var rough: float = span / most
	var power: float = pow(10.0, floorf(log(rough) / log(10.0)))
	for factor: float in [1.0, 2.0, 5.0]:
		if factor * power >= rough * 0.999:
			return factor * power
	return 10.0 * power


## The same in powers of two, for bytes.
static func byte_step(span: float, most: int) -> float:
	return pow(2.0, ceilf(log(maxf(span / maxi(most, 1), 1.0)) / log(2.0)))
