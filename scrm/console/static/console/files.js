// The theme's script writes the name of a chosen file into the first text field that it finds near, unless the input says that it was there.

export function keepApart(root) {
  for (const input of root.querySelectorAll("input[type=file]")) input.hasChangeListener = true;
}

keepApart(document);
