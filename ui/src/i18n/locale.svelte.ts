// Which language the page speaks. The catalogues stand beside this file, one a page, so that the watch page doesn't
// carry the console's texts.

export type Language = 'en' | 'vi';
export const languages: Record<Language, string> = { en: 'English', vi: 'Tiếng Việt' };

const KEY = 'sigma.language';

export function preferred(stored: string | null, wanted: readonly string[]): Language {
  if (stored === 'en' || stored === 'vi') return stored;
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0];
    if (base === 'en' || base === 'vi') return base;
  }
  return 'en';
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be denied; the language of the browser serves
  }
}

class Locale {
  lang = $state<Language>(preferred(stored(), navigator.languages));

  constructor() {
    document.documentElement.lang = this.lang;
  }

  choose(lang: Language) {
    this.lang = lang;
    document.documentElement.lang = lang;
    try {
      localStorage.setItem(KEY, lang);
    } catch {
      // the choice then lasts as long as the page
    }
  }
}

export const locale = new Locale();
