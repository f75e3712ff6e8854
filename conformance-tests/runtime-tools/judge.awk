# Reads what one program of the suite printed, and prints, with tabs between them, a verdict, the number
# of wrong results, and what there is to say.
# A program may print several streams one behind the other; each one's plan must fit.
#
#   ok            results, all of them right
#   skip          nothing but results that were skipped
#   failed        a wrong result, a plan that does not fit, or no results and an error among the remarks
#   silent        no results at all, and nothing to hold against it
#
# -v status=N: the program's exit status.

function end_stream() {
  if (in_stream && (plan < 0 || plan != results)) misfit = 1
  results = 0
  plan = -1
  in_stream = 0
}

BEGIN { plan = -1 }
/^TAP version/ { end_stream(); in_stream = 1 }
/^(not )?ok [0-9]+/ {
  in_stream = 1
  results++
  total++
  if (/^not ok/ && !/# TODO/) {
    wrong++
    if (wrong <= 2) reasons = reasons $0 "; "
  } else if (/# SKIP/) {
    skipped++
  }
}
/^1\.\.[0-9]+/ { in_stream = 1; plan = substr($1, 4) + 0 }
# Programs that print no results complain in a remark, as YAML.
/^ +"error": "[^"]/ { complaint = $0; sub(/^ +/, "", complaint) }

END {
  end_stream()
  if (status != 0) verdict = "failed"
  else if (wrong || misfit || (!total && complaint != "")) verdict = "failed"
  else if (!total) verdict = "silent"
  else verdict = skipped == total ? "skip" : "ok"

  if (status != 0) say = "exit status " status ", "
  if (total) say = say wrong + 0 " of " total " wrong"
  else say = say "no results" (complaint == "" ? ", no complaint" : ": " complaint)
  if (misfit) say = say ", which is not what was planned"
  if (reasons != "") say = say ": " reasons
  print verdict "\t" wrong + 0 "\t" substr(say, 1, 300)
}
