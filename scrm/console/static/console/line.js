// A post of the page's own, and in words what became of it when nothing came of it. `words` is the dataset of templates/console/line_words.html.
const LOGGED_OUT = /\/(login|second-factor)\//;
const READING = 3000;

export async function posted(url, body, token, words) {
  let answer;
  try {
    answer = await fetch(url, { method: "POST", body, headers: { "X-CSRFToken": token, "X-Requested-With": "fetch" } });
  } catch {
    return { trouble: words.offline };
  }
  // The log-in page came in place of an answer: nothing was done, whatever its status says.
  if (answer.redirected && LOGGED_OUT.test(answer.url)) {
    setTimeout(() => location.reload(), READING);
    return { trouble: words.loggedOut };
  }
  return { answer, trouble: answer.ok ? "" : words.refused.replace("{status}", answer.status) };
}
