import type { DemoRandom } from './demo-random.ts';

/** A name, and its form in an e-mail address. */
type Name = readonly [written: string, ascii: string];

interface Culture {
  readonly given: readonly [Name, ...Name[]];
  readonly family: readonly [Name, ...Name[]];
  readonly familyFirst?: boolean;
  /** Text between the two names: Japanese, Chinese and Korean use no space. */
  readonly separator?: string;
}

const plain = (names: string): readonly [Name, ...Name[]] => {
  const [first = '', ...others] = names.split(' ');
  const named = (name: string): Name => [name, name.toLowerCase()];
  return [named(first), ...others.map(named)];
};

const cultures: readonly [Culture, ...Culture[]] = [
  { given: plain('Emily James Olivia Daniel Grace Henry Sophie Oliver'), family: plain('Carter Hughes Bennett Walsh Turner Reid Foster Price') },
  { given: [['Jürgen', 'juergen'], ['Käthe', 'kaethe'], ['Sören', 'soeren'], ['Anna', 'anna'], ['Felix', 'felix']], family: [['Müller', 'mueller'], ['Groß', 'gross'], ['Schäfer', 'schaefer'], ['Weber', 'weber'], ['Vogt', 'vogt']] },
  { given: [['Łukasz', 'lukasz'], ['Małgorzata', 'malgorzata'], ['Zofia', 'zofia'], ['Paweł', 'pawel']], family: [['Wójcik', 'wojcik'], ['Zieliński', 'zielinski'], ['Dąbrowska', 'dabrowska'], ['Nowak', 'nowak']] },
  { given: [['José', 'jose'], ['Lucía', 'lucia'], ['Íñigo', 'inigo'], ['Carmen', 'carmen']], family: [['Muñoz', 'munoz'], ['García', 'garcia'], ['Ibáñez', 'ibanez'], ['Serrano', 'serrano']] },
  { given: [['Zoë', 'zoe'], ['François', 'francois'], ['Chloé', 'chloe'], ['Hugo', 'hugo']], family: [['Lefèvre', 'lefevre'], ['Bérenger', 'berenger'], ['Dubois', 'dubois'], ['Moreau', 'moreau']] },
  { given: [['João', 'joao'], ['Conceição', 'conceicao'], ['Beatriz', 'beatriz'], ['Thiago', 'thiago']], family: [['Araújo', 'araujo'], ['Gonçalves', 'goncalves'], ['Ferreira', 'ferreira'], ['Lima', 'lima']] },
  { given: [['Олена', 'olena'], ['Андрій', 'andrii'], ['Ірина', 'iryna'], ['Тарас', 'taras']], family: [['Шевченко', 'shevchenko'], ['Коваль', 'koval'], ['Бондаренко', 'bondarenko']] },
  { given: [['Ελένη', 'eleni'], ['Νίκος', 'nikos'], ['Σοφία', 'sofia']], family: [['Παπαδάκη', 'papadaki'], ['Αντωνίου', 'antoniou'], ['Βλάχος', 'vlachos']] },
  { given: [['美咲', 'misaki'], ['翔太', 'shota'], ['陽菜', 'hina'], ['健', 'ken']], family: [['田中', 'tanaka'], ['佐藤', 'sato'], ['渡辺', 'watanabe']], familyFirst: true, separator: ' ' },
  { given: [['伟', 'wei'], ['芳', 'fang'], ['秀英', 'xiuying']], family: [['王', 'wang'], ['李', 'li'], ['陈', 'chen']], familyFirst: true, separator: '' },
  { given: [['민준', 'minjun'], ['서연', 'seoyeon'], ['지우', 'jiwoo']], family: [['김', 'kim'], ['박', 'park'], ['최', 'choi']], familyFirst: true, separator: '' },
  { given: [['ليلى', 'layla'], ['عمر', 'omar'], ['يوسف', 'yusuf']], family: [['حداد', 'haddad'], ['منصور', 'mansour'], ['خوري', 'khoury']] },
  { given: [['प्रिया', 'priya'], ['अर्जुन', 'arjun'], ['Ananya', 'ananya'], ['Rohan', 'rohan']], family: [['शर्मा', 'sharma'], ['Iyer', 'iyer'], ['Banerjee', 'banerjee']] },
  { given: [['Chiamaka', 'chiamaka'], ['Olúwaṣeun', 'oluwaseun'], ['Ngozi', 'ngozi']], family: [['Okafor', 'okafor'], ['Adéyẹmí', 'adeyemi'], ['Balogun', 'balogun']] },
  { given: [['Ayşe', 'ayse'], ['Çağlar', 'caglar'], ['Işıl', 'isil']], family: [['Yılmaz', 'yilmaz'], ['Öztürk', 'ozturk'], ['Şahin', 'sahin']] },
  { given: [['Đức', 'duc'], ['Hồng', 'hong'], ['Quỳnh', 'quynh']], family: [['Nguyễn', 'nguyen'], ['Trần', 'tran'], ['Phạm', 'pham']], familyFirst: true },
]; // prettier-ignore

const domains = ['example.com', 'example.com', 'example.org', 'example.net', 'mail.example'] as const;

/** A name and an e-mail address that is not yet in `taken`; the address is added to `taken`. */
export function demoPerson(
  random: DemoRandom,
  taken: Set<string>,
): { readonly name: string; readonly email: string } {
  const { given, family, familyFirst = false, separator = ' ' } = random.pick(cultures);
  const [givenName, givenAscii] = random.pick(given);
  const [familyName, familyAscii] = random.pick(family);
  const name = (familyFirst ? [familyName, givenName] : [givenName, familyName]).join(separator);
  const domain = random.pick(domains);
  let email = `${givenAscii}.${familyAscii}@${domain}`;
  for (let number = 2; taken.has(email); number += 1)
    email = `${givenAscii}.${familyAscii}${String(number)}@${domain}`;
  taken.add(email);
  return { name, email };
}
