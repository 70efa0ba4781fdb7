// poll asks again and again, with a pause between an answer and the next question, until it is ended. look is asked for the next
// answer, and failed hears what went wrong.
export function poll(look, every, failed) {
  let ended = false, timer;
  const round = async () => {
    clearTimeout(timer);
    try {
      await look(() => ended);
    } catch (error) {
      if (!ended) failed(error.message);
    }
    clearTimeout(timer);
    if (!ended) timer = setTimeout(round, every);
  };
  round();
  return { again: round, end: () => { ended = true; clearTimeout(timer); } };
}
