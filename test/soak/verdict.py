"""What a soak found: what grew from one rest to the next. Nothing here measures; it judges."""
from statistics import median

GROWTH_KIB = 2048  # of a program's resident size, between the halves of the run
GROWTH_FILES = 4  # of its descriptors: connections to the service are kept for a while
MIN_RESTS = 8  # with fewer, growth is not told from the first rounds' warming up


def grown(values):
    """By how much the later half stands above the earlier one, the first quarter left out as
    warming up; None when there are too few values."""
    if len(values) < MIN_RESTS:
        return None
    values = values[len(values) // 4:]
    half = len(values) // 2
    return median(values[half:]) - median(values[:half])


def judge(rests, wrong):
    """Sentences about what is not as it must be. rests: for each round {program: (KiB, descriptors)};
    wrong: what visitors and the relay's gauges complained of."""
    sentences = list(wrong)
    for program in rests[0] if rests else ():
        sizes = [rest[program][0] for rest in rests]
        files = [rest[program][1] for rest in rests]
        more = grown(sizes)
        if more is not None and more > GROWTH_KIB:
            sentences.append(f"{program} grew by {more:.0f} KiB from the earlier to the later "
                             f"rounds: {sizes}")
        more = grown(files)
        if more is not None and more > GROWTH_FILES:
            sentences.append(f"{program} keeps {more:.0f} descriptors more in the later rounds: "
                             f"{files}")
    return sentences
